import assert from 'node:assert/strict'
import { BAD_ARG, createError, type PouchError } from 'pouchdb-errors'
import { checkAttachmentSize, readAttachments } from '../couch/content/attachment-input.ts'
import type { AttachmentBytes, AttachmentEdit, Database } from '../store/store.ts'
import type { DocObject } from './doc-object.ts'

/** How the bytes of an attachment are given out: base64 unless `binary`. */
export type BytesForm = { readonly binary?: boolean | undefined }

/** The bytes of an attachment in the form that was asked for. A Buffer names its type, as a browser's Blob does. */
export function attachmentData(bytes: AttachmentBytes, type: string, { binary }: BytesForm): string | Buffer {
  const whole = Buffer.concat([...bytes.read()])
  return binary === true ? Object.assign(whole, { type }) : whole.toString('base64')
}

/** The bytes of attachments by their digest. */
export type FoundBytes = ReadonlyMap<string, AttachmentBytes>

/**
 * Finds the bytes of documents' attachments. To be called in the same moment (`Database.atOnce`) in which the documents are read: what
 * has been found can be read later, also when a write has dropped its revision meanwhile.
 */
export function findBytes(database: Database, docs: readonly (DocObject | undefined)[]): FoundBytes {
  const found = new Map<string, AttachmentBytes>()
  for (const { digest } of docs.flatMap(doc => Object.values(doc?._attachments ?? {}))) {
    const bytes = found.has(digest) ? undefined : database.attachment(digest)
    if (bytes !== undefined) found.set(digest, bytes)
  }
  return found
}

/** Puts the bytes of its attachments into a document, in the place of its stubs. */
export function fillAttachments(found: FoundBytes, doc: DocObject, form: BytesForm): void {
  for (const attachment of Object.values(doc._attachments ?? {})) {
    const bytes = found.get(attachment.digest)
    assert(bytes !== undefined, 'bytes are found in the moment in which their document is read')
    attachment.data = attachmentData(bytes, attachment.content_type, form)
    delete attachment.stub
    delete attachment.length
  }
}

/** The `_attachments` of a document that comes in: each a stub, or with its bytes as base64 or as they are. */
export function attachmentEdits(value: unknown, maxBytes: number): AttachmentEdit[] {
  if (typeof value !== 'object' || value === null) return readAttachments(value, maxBytes)
  return Object.entries(value).flatMap(([name, attachment]) => attachmentEdit(name, attachment, maxBytes))
}

function attachmentEdit(name: string, attachment: unknown, maxBytes: number): AttachmentEdit[] {
  const { data, stub } = (attachment ?? {}) as { readonly data?: unknown; readonly stub?: unknown }
  if (data === undefined || stub === true)
    return readAttachments({ [name]: withoutData(attachment) }, maxBytes)
  const bytes = data instanceof Uint8Array ? data : decoded(data)
  checkAttachmentSize(name, bytes.length, maxBytes)
  const described = readAttachments({ [name]: { ...(attachment as object), data: '' } }, maxBytes)
  return described.map(edit => ({ ...edit, data: bytes }))
}

function withoutData(attachment: unknown): unknown {
  return typeof attachment === 'object' ? { ...attachment, data: undefined } : attachment
}

/** PouchDB is strict: what does not come out of the bytes again as it went in is no base64. */
function decoded(data: unknown): Buffer {
  if (typeof data !== 'string') throw badBase64()
  const bytes = Buffer.from(data, 'base64')
  if (bytes.toString('base64') !== data) throw badBase64()
  return bytes
}

function badBase64(): PouchError {
  return createError(BAD_ARG, 'Attachment is not a valid base64 string')
}
