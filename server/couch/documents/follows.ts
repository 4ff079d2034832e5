import { isJsonObject, type JsonObject } from '../../../design-docs/json-object.ts'
import { CouchError } from '../../couch-error.ts'
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../../http/json-bytes.ts'
import { closingQuote } from '../../http/json-string.ts'
import type { RawDoc } from '../content/doc-input.ts'

/** What a document says of an attachment whose bytes come behind it, in a part of their own. */
export type Follows = {
  readonly name: string
  /** Of the bytes as they travel. Undefined if it is not said: the part ends where it ends. */
  readonly length: number | undefined
  /** How these bytes are packed; empty if they are not. */
  readonly encoding: string
  /** Base64, of the bytes as they travel. */
  readonly md5: string | undefined
}

/** A document, and in the order of its text what is to follow it. There those attachments are stubs that nothing is known of. */
export type FollowedDoc = { readonly doc: RawDoc; readonly follows: readonly Follows[] }

/** Looks for the attachments that follow; what else a document says of its attachments is read with the document. */
export function readFollows(doc: RawDoc, source: Buffer): FollowedDoc {
  if (!isJsonObject(doc._attachments)) return { doc, follows: [] }
  const follows = new Map<string, Follows>()
  const attachments = Object.entries(doc._attachments).map(([name, attachment]) => {
    if (!doesFollow(attachment)) return [name, attachment]
    follows.set(name, described(name, attachment))
    const { content_type, revpos } = attachment
    return [name, { content_type, revpos, stub: true }]
  })
  if (follows.size === 0) return { doc, follows: [] }
  return {
    doc: { ...doc, _attachments: Object.fromEntries(attachments) },
    follows: inTextOrder(follows, source),
  }
}

/** CouchDB takes what claims to be both for a stub. */
function doesFollow(attachment: unknown): attachment is JsonObject {
  return isJsonObject(attachment) && attachment.follows === true && attachment.stub !== true
}

/**
 * `length` is that of the attachment; packed, it is as long as `encoded_length` says. What `length` says then is not looked at: of an
 * attachment that a client packed itself CouchDB only knows, and sends twice, the packed length.
 */
function described(name: string, attachment: JsonObject): Follows {
  const encoding = attachment.encoding ?? ''
  if (typeof encoding !== 'string')
    throw new CouchError('doc_validation', `"encoding" of attachment "${name}" must be a string`)
  const isPacked = encoding !== '' && encoding !== 'identity'
  const length = readLength(name, attachment, 'length')
  return {
    name,
    length: isPacked ? (readLength(name, attachment, 'encoded_length') ?? length) : length,
    encoding: isPacked ? encoding : '',
    md5: readMd5(attachment.digest),
  }
}

function readLength(name: string, attachment: JsonObject, member: string): number | undefined {
  const length = attachment[member]
  if (length === undefined) return undefined
  if (typeof length === 'number' && Number.isSafeInteger(length) && length >= 0) return length
  throw new CouchError('doc_validation', `"${member}" of attachment "${name}" must be a whole number`)
}

/** Other digests than CouchDB's own are no use to us: CDTDatastore has SHA-1. */
function readMd5(digest: unknown): string | undefined {
  return typeof digest === 'string' && digest.startsWith('md5-') ? digest.slice('md5-'.length) : undefined
}

/** Parts come in the order in which a document's text names their attachments. An object has names that are numbers first. */
function inTextOrder(follows: ReadonlyMap<string, Follows>, source: Buffer): readonly Follows[] {
  if (follows.size < 2) return [...follows.values()]
  return [...attachmentNames(source)].flatMap(name => follows.get(name) ?? [])
}

/** The names within `_attachments`, as they stand in a text that is known to be a JSON object. */
function attachmentNames(source: Buffer): ReadonlySet<string> {
  let names = new Set<string>()
  let depth = 0
  let isInside = false
  for (let at = 0; at < source.length; at++) {
    const byte = source[at] as number
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--
    if (byte !== QUOTE) continue
    const start = at
    at = closingQuote(source, start + 1)
    if (depth > 2 || !isMemberName(source, at + 1)) continue
    const name = String(JSON.parse(source.toString('utf8', start, at + 1)))
    if (depth === 2 && isInside) names.add(name)
    if (depth !== 1) continue
    isInside = name === '_attachments'
    // Of a member that stands twice the last one counts.
    if (isInside) names = new Set()
  }
  return names
}

function isMemberName(source: Buffer, behind: number): boolean {
  let at = behind
  while ((source[at] ?? COLON) <= 0x20) at++
  return source[at] === COLON
}
