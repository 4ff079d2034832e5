import { isJsonObject, type JsonObject } from '../../../design-docs/json-object.ts'
import { hasLoneSurrogate } from '../../../design-docs/lone-surrogate.ts'
import { CouchError } from '../../couch-error.ts'
import type { AttachmentEdit } from '../../store/store.ts'
import { isDotSegment } from './checked-doc-id.ts'

const DIGEST = /^[a-z0-9]+-[A-Za-z0-9+/=]{1,128}$/
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/**
 * The `_attachments` of a document as it comes in JSON: each with its bytes as base64 in `data`, or a stub for one that
 * is stored already.
 */
export function readAttachments(value: unknown, maxBytes: number): AttachmentEdit[] {
  if (!isJsonObject(value)) throw new CouchError('doc_validation', '`_attachments` must be an object')
  return Object.entries(value).map(([name, attachment]) => readAttachment(name, attachment, maxBytes))
}

function readAttachment(name: string, value: unknown, maxBytes: number): AttachmentEdit {
  checkAttachmentName(name)
  if (!isJsonObject(value)) throw new CouchError('doc_validation', `Attachment "${name}" must be an object`)
  const contentType = value.content_type
  if (contentType !== undefined && typeof contentType !== 'string')
    throw new CouchError('doc_validation', `"content_type" of attachment "${name}" must be a string`)
  const described = {
    name,
    contentType: contentType || 'application/octet-stream',
    revpos: readRevpos(name, value.revpos),
  }
  if (value.data === undefined) return { ...described, digest: readStub(name, value) }
  return { ...described, data: decodeBase64(name, value.data, maxBytes) }
}

/** What one attachment counts beside its name and type: its digest, length and revpos, and the work of storing it. */
const DESCRIPTION_BYTES = 500

/**
 * What attachments without their bytes add to a document. They count towards its limit, because each of them costs a write however
 * short it is: a hundred thousand empty ones held up every other client for seconds.
 */
export function describedBytes(
  attachments: readonly Pick<AttachmentEdit, 'name' | 'contentType'>[] = [],
): number {
  return attachments.reduce(
    (bytes, { name, contentType }) =>
      bytes + DESCRIPTION_BYTES + Buffer.byteLength(name) + Buffer.byteLength(contentType),
    0,
  )
}

/** Half of what a request's line and headers may be together. */
const MAX_URL_CHARS = 32 * 1024
const MAX_CHARS_OF_A_UNIT = '%EF%BF%BD'.length

/**
 * PouchDB asks for each attachment by its URL, and begins its pull anew, for ever, when that cannot be answered.
 * @throws CouchError if an attachment's URL would be too long
 */
export function checkAttachmentUrls(
  id: string,
  attachments: readonly { readonly name: string }[] = [],
): void {
  for (const { name } of attachments) {
    if ((id.length + name.length) * MAX_CHARS_OF_A_UNIT <= MAX_URL_CHARS) continue
    if (encodeURIComponent(id).length + encodeURIComponent(name).length > MAX_URL_CHARS)
      throw new CouchError('bad_request', 'Document id and attachment name are too long for a URL')
  }
}

/** @throws CouchError if documents may not have an attachment of this name. */
export function checkAttachmentName(name: string): void {
  if (name === '') throw new CouchError('bad_request', 'Attachment name must not be empty')
  if (name.startsWith('_'))
    throw new CouchError('bad_request', `Attachment name "${name}" starts with prohibited character "_"`)
  if (hasLoneSurrogate(name)) throw new CouchError('bad_request', 'Attachment name must be valid UTF-8')
  // A URL parser drops them: a phone that asked for `a/..` was given the document, and kept that for the photo.
  if (name.split('/').some(isDotSegment))
    throw new CouchError('bad_request', `Attachment name "${name}" must not have "." or ".." between slashes`)
}

/** @throws CouchError `attachment_too_large` */
export function checkAttachmentSize(name: string, bytes: number, maxBytes: number): void {
  if (bytes > maxBytes)
    throw new CouchError('attachment_too_large', `Attachment "${name}" is larger than ${maxBytes} bytes`)
}

function readRevpos(name: string, revpos: unknown): number | undefined {
  if (revpos === undefined) return undefined
  if (typeof revpos === 'number' && Number.isSafeInteger(revpos) && revpos >= 0) return revpos
  throw new CouchError('doc_validation', `"revpos" of attachment "${name}" must be a whole number`)
}

function readStub(name: string, value: JsonObject): string | undefined {
  if (value.follows === true)
    throw new CouchError('bad_request', `Attachment "${name}" follows, but a JSON body has no parts`)
  if (value.stub !== true)
    throw new CouchError('doc_validation', `Attachment "${name}" must have "data" or be a stub`)
  const digest = value.digest
  if (digest === undefined || (typeof digest === 'string' && DIGEST.test(digest))) return digest
  throw new CouchError('doc_validation', `"digest" of attachment "${name}" is not a digest`)
}

/**
 * Node's decoder passes over what is not base64, so the length of what it found tells whether all of the text was. Only text
 * with line breaks or without padding takes the slow way.
 */
function decodeBase64(name: string, data: unknown, maxBytes: number): Uint8Array {
  if (typeof data !== 'string')
    throw new CouchError('bad_request', `Invalid attachment data for "${name}": it must be base64`)
  checkAttachmentSize(name, Math.floor((data.length / 4) * 3) - 2, maxBytes)
  const bytes = Buffer.from(data, 'base64')
  if (bytes.length !== decodedLength(data)) checkBase64(name, data)
  checkAttachmentSize(name, bytes.length, maxBytes)
  return bytes
}

function decodedLength(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return (text.length / 4) * 3 - padding
}

function checkBase64(name: string, data: string): void {
  const text = data.replace(/\s+/g, '')
  if (BASE64.test(text) && text.replace(/=+$/, '').length % 4 !== 1) return
  throw new CouchError('bad_request', `Invalid attachment data for "${name}": it must be base64`)
}
