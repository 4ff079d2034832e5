import { isJsonObject, type JsonObject } from '../../../design-docs/json-object.ts'
import { CouchError } from '../../couch-error.ts'
import { parseRev } from '../../store/rev-tree/rev.ts'
import type { AttachmentEdit, Edit, Revisions } from '../../store/store.ts'
import { checkAttachmentUrls, describedBytes, readAttachments } from './attachment-input.ts'
import { checkedDocId } from './checked-doc-id.ts'
import { checkedRev, isBroughtRevPos, isRevPos, isRevSig } from './rev.ts'

/** What one document may weigh: its body without attachments, and each of its attachments. */
export type DocLimits = { readonly maxDocumentBytes: number; readonly maxAttachmentBytes: number }

/** A client's document, checked and taken apart: what the underscore members said, and the body without them. */
export type DocInput = {
  readonly id: string
  readonly deleted: boolean
  readonly body: string
  readonly attachments: readonly AttachmentEdit[] | undefined
  readonly rev: string | undefined
  readonly revisions: Revisions | undefined
}

/** A document as JSON.parse gave it, before anything of it is known to be good. */
export type RawDoc = JsonObject

/** @throws CouchError unless this is a JSON object. */
export function rawDoc(value: unknown): RawDoc {
  if (isJsonObject(value)) return value
  throw new CouchError('bad_request', 'Document must be a JSON object')
}

/** Members a client may send back because a read gave them to it; they say nothing about the edit. */
const IGNORED = new Set(['_revs_info', '_local_seq', '_conflicts', '_deleted_conflicts'])

/** What a CouchDB's replicator writes into its own documents: data like other members. */
const REPLICATOR = new Set([
  '_replication_id',
  '_replication_state',
  '_replication_state_time',
  '_replication_state_reason',
  '_replication_stats',
])

const READ = new Set(['_id', '_rev', '_deleted', '_revisions', '_attachments'])

const UNDERSCORE = 0x5f

/** Checks a document whose id is known already (from the path, or made for it). */
export function readDoc(doc: RawDoc, id: string, limits: DocLimits): DocInput {
  const input = {
    id: checkedDocId(id),
    body: bodyText(doc),
    deleted: readDeleted(doc._deleted),
    rev: doc._rev === undefined ? undefined : checkedRev(doc._rev, '_rev'),
    revisions: doc._revisions === undefined ? undefined : readRevisions(doc._revisions),
    attachments:
      doc._attachments === undefined
        ? undefined
        : readAttachments(doc._attachments, limits.maxAttachmentBytes),
  }
  checkAttachmentUrls(id, input.attachments)
  checkDocumentSize(id, input.body, limits.maxDocumentBytes, describedBytes(input.attachments))
  return input
}

/** A client's own edit on top of the rev it names. */
export function interactiveEdit(input: DocInput): Edit {
  const { id, deleted, body, attachments, rev, revisions } = input
  const parent = rev ?? (revisions === undefined ? undefined : `${revisions.start}-${revisions.ids[0]}`)
  return { kind: 'interactive', id, deleted, body, attachments, parent }
}

/** A revision made elsewhere, which must say which one it is. */
export function replicatedEdit(input: DocInput): Edit {
  const { id, deleted, body, attachments, rev } = input
  const revisions = input.revisions ?? (rev === undefined ? undefined : onlyRev(rev))
  if (revisions === undefined)
    throw new CouchError(
      'bad_request',
      'When `new_edits: false`, the document needs `_rev` or `_revisions` specified',
    )
  if (!isBroughtRevPos(revisions.start))
    throw new CouchError('doc_validation', 'The number before the dash of `_rev` is too large')
  return { kind: 'replicated', id, deleted, body, attachments, revisions }
}

/** The path of a rev that came without its ancestors. */
function onlyRev(rev: string): Revisions | undefined {
  const parsed = parseRev(rev)
  return parsed && { start: parsed.pos, ids: [parsed.sig] }
}

/**
 * The text of a document's own members. A member named `__proto__` is data like any other; assigning it would set the
 * prototype and lose it.
 */
export function bodyText(doc: RawDoc): string {
  const names = Object.keys(doc)
  if (!names.some(isSpecial)) return stringify(doc)
  const body: Record<string, unknown> = {}
  for (const name of names) {
    if (!isSpecial(name) || REPLICATOR.has(name)) body[name] = doc[name]
    else if (name === '__proto__') define(body, name, doc[name])
    else if (!READ.has(name) && !IGNORED.has(name))
      throw new CouchError('doc_validation', `Bad special document member: ${name}`)
  }
  return stringify(body)
}

function isSpecial(name: string): boolean {
  return name.charCodeAt(0) === UNDERSCORE
}

function define(body: object, name: string, value: unknown): void {
  Object.defineProperty(body, name, { value, enumerable: true, writable: true, configurable: true })
}

/** JSON.parse follows any depth, JSON.stringify only as deep as the stack is: that is the client's mistake, not ours. */
function stringify(body: object): string {
  try {
    return JSON.stringify(body)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new CouchError('bad_request', 'Document is nested too deeply', { cause: error })
  }
}

function readDeleted(deleted: unknown): boolean {
  if (deleted === undefined) return false
  if (typeof deleted === 'boolean') return deleted
  throw new CouchError('doc_validation', '`_deleted` must be true or false')
}

function readRevisions(value: unknown): Revisions {
  const { start, ids } = (value ?? {}) as Partial<Revisions>
  if (!Number.isSafeInteger(start))
    throw new CouchError('doc_validation', "_revisions.start isn't an integer.")
  if (!Array.isArray(ids)) throw new CouchError('doc_validation', "_revisions.ids isn't an array.")
  if (!isRevPos(start) || ids.length === 0 || ids.length > start || !ids.every(isRevSig))
    throw new CouchError('doc_validation', '_revisions does not name a path of revs')
  return { start, ids }
}

/**
 * A UTF-16 unit takes at most three bytes, so that short texts, nearly all, need not be measured. `besides` is what counts towards the
 * document and stands elsewhere.
 * @throws CouchError `document_too_large`
 */
export function checkDocumentSize(id: string, body: string, maxBytes: number, besides = 0): void {
  const room = maxBytes - besides
  if (body.length * 3 <= room || Buffer.byteLength(body) <= room) return
  throw new CouchError('document_too_large', `Document "${id}" is larger than ${maxBytes} bytes`)
}
