import { contentTypeValue, dispositionValue } from '../../http/header-values.ts'
import {
  multipartPieces,
  newBoundary,
  type SizedPart,
  type WrittenPart,
} from '../../http/multipart-writer.ts'
import type { Piece } from '../../http/text-writer.ts'
import type { Attachment, Revision, StoredDoc } from '../../store/store.ts'
import { type MemberQuery, membersOf } from './doc-query.ts'
import type { DocReader } from './doc-reader.ts'
import { attachmentFollows, attachmentStub, docText } from './doc-text.ts'
import { attachmentsSince, docPieces, type FoundBytes, findBytes, type Wanted } from './inline-attachments.ts'

/** How revisions are asked for. */
export type RevisionForm = {
  readonly members: MemberQuery
  readonly withBytes: boolean
  /** What the asker has: attachments that came with it or before are stubs. */
  readonly attsSince: readonly unknown[]
}

/** A revision that was read, with all that is needed to write it, however long that takes and whatever happens to it. */
export type OpenRevision = {
  readonly id: string
  readonly revision: Revision
  /** The members beside the stored ones, as text. */
  readonly members: string
  readonly found: FoundBytes
  readonly wanted: Wanted
}

/** A rev that was asked for; without `revision` if it is not there. */
export type OpenRev = { readonly rev: string; readonly revision: OpenRevision | undefined }

const JSON_HEADER = 'Content-Type: application/json'

export function openRevision(
  database: DocReader,
  doc: StoredDoc,
  rev: string,
  form: RevisionForm,
): OpenRevision | undefined {
  const open = () => {
    const revision = database.revision(doc, rev)
    if (revision === undefined) return undefined
    return {
      id: doc.id,
      revision,
      members: membersOf(form.members, doc, rev),
      found: form.withBytes ? findBytes(database, [revision]) : new Map(),
      wanted: attachmentsSince(doc, rev, form.attsSince),
    }
  }
  return form.withBytes ? database.atOnce(open) : open()
}

/**
 * Opens revs of a document: the first one now, in the moment in which the document was read; each other one when its turn comes, for
 * conflicts may be many and large, and it is missing if it is gone by then.
 */
export function openRevs(
  database: DocReader,
  doc: StoredDoc | undefined,
  revs: readonly string[],
  form: RevisionForm,
): Iterable<OpenRev> {
  const open = (rev: string): OpenRev => ({
    rev,
    revision: doc && openRevision(database, doc, rev, form),
  })
  const first = revs.slice(0, 1).map(open)
  return revs.length < 2 ? first : opened(first, revs, open)
}

function* opened(first: readonly OpenRev[], revs: readonly string[], open: (rev: string) => OpenRev) {
  yield* first
  for (const rev of revs.slice(1)) yield open(rev)
}

/** The revision as JSON, its attachments as base64; in one piece where no bytes come along. */
export function revisionPieces({ id, revision, members, found, wanted }: OpenRevision): Iterable<string> {
  if (found.size === 0) return [docText(id, revision, members)]
  return docPieces(found, id, revision, { members, wanted })
}

/** The revision as one part: JSON, or if bytes come along a multipart/related of its own. `headers` go to that one, as in CouchDB. */
export function revisionPart(open: OpenRevision, headers: readonly string[] = []): WrittenPart {
  const parts = relatedParts(open)
  if (parts.length === 1) return { headers: [JSON_HEADER], body: parts[0]?.body ?? [] }
  const boundary = newBoundary()
  return {
    headers: [...headers, `Content-Type: multipart/related; boundary="${boundary}"`],
    body: multipartPieces(boundary, parts),
  }
}

/** JSON in a part of its own that says what went wrong. */
export function errorPart(error: object): WrittenPart {
  return { headers: [`${JSON_HEADER}; error="true"`], body: [JSON.stringify(error)] }
}

/** The document's JSON and, in the order of its `_attachments`, the bytes that the JSON says will follow. */
export function relatedParts(open: OpenRevision): readonly SizedPart[] {
  const { id, revision, members } = open
  const following = (revision.attachments ?? []).filter(attachment => bytesOf(open, attachment) !== undefined)
  const follows = new Set(following)
  const textOf = (attachment: Attachment) =>
    follows.has(attachment) ? attachmentFollows(attachment) : attachmentStub(attachment)
  const json = docText(id, revision, members, textOf)
  const first: SizedPart = { headers: [JSON_HEADER], body: [json], length: Buffer.byteLength(json) }
  return [first, ...following.map(attachment => attachmentPart(open, attachment))]
}

function bytesOf({ found, wanted }: OpenRevision, attachment: Attachment) {
  return wanted(attachment) ? found.get(attachment.digest) : undefined
}

function attachmentPart(open: OpenRevision, attachment: Attachment): SizedPart {
  const { name, contentType, length } = attachment
  const headers = [
    `Content-Disposition: ${dispositionValue(name)}`,
    `Content-Type: ${contentTypeValue(contentType)}`,
    `Content-Length: ${length}`,
  ]
  return { headers, body: readWhole(open, attachment), length }
}

/** Reads when its turn comes. */
function* readWhole(open: OpenRevision, attachment: Attachment): Generator<Piece> {
  yield* bytesOf(open, attachment)?.read() ?? []
}
