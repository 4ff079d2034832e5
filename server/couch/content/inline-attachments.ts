import type { Attachment, AttachmentBytes, Database, Revision, StoredDoc } from '../../store/store.ts'
import { attachmentHead, attachmentStub, docHead, docTail } from './doc-text.ts'

/** Which attachments to send with their bytes; the others are stubs. */
export type Wanted = (attachment: Attachment) => boolean

export const ALL_ATTACHMENTS: Wanted = () => true

/** Those that came after the newest ancestor a peer has (`atts_since`): it can take the others from there. */
export function attachmentsSince(doc: StoredDoc, rev: string, known: readonly unknown[]): Wanted {
  if (known.length === 0) return ALL_ATTACHMENTS
  const { start, ids } = doc.tree.revisions(rev) ?? { start: 0, ids: [] }
  const newest = ids.findIndex((sig, age) => known.includes(`${start - age}-${sig}`))
  return newest === -1 ? ALL_ATTACHMENTS : attachment => attachment.revpos > start - newest
}

/** The bytes of a revision's attachments by their digest. */
export type FoundBytes = ReadonlyMap<string, AttachmentBytes>

/**
 * Finds the bytes of revisions' attachments. To be asked for in the same moment as the revisions, long before a slow client comes to
 * them: what has been found can be read, also when the revision is gone then.
 */
export function findBytes(
  database: Pick<Database, 'attachment'>,
  revisions: readonly (Revision | undefined)[],
): FoundBytes {
  const found = new Map<string, AttachmentBytes>()
  for (const revision of revisions) {
    for (const { digest } of revision?.attachments ?? []) {
      const bytes = found.has(digest) ? undefined : database.attachment(digest)
      if (bytes !== undefined) found.set(digest, bytes)
    }
  }
  return found
}

/**
 * A document's text with attachments as base64, in pieces, so that no document's attachments are in memory all at once.
 */
export function* docPieces(
  found: FoundBytes,
  id: string,
  revision: Revision,
  options: { readonly members: string; readonly wanted: Wanted },
): Generator<string> {
  yield docHead(id, revision) + options.members
  if (revision.attachments !== undefined) {
    yield ',"_attachments":{'
    yield* attachmentPieces(found, revision.attachments, options.wanted)
    yield '}'
  }
  yield docTail(revision.body)
}

function* attachmentPieces(
  found: FoundBytes,
  attachments: readonly Attachment[],
  wanted: Wanted,
): Generator<string> {
  let separator = ''
  for (const attachment of attachments) {
    yield `${separator}${JSON.stringify(attachment.name)}:`
    separator = ','
    const bytes = wanted(attachment) ? found.get(attachment.digest) : undefined
    if (bytes === undefined) yield attachmentStub(attachment)
    else {
      yield `${attachmentHead(attachment)},"data":"`
      yield* base64Pieces(bytes.read())
      yield '"}'
    }
  }
}

/** Three bytes are four characters: what is left over of a chunk waits for the next one. */
function* base64Pieces(chunks: Iterable<Uint8Array>): Generator<string> {
  let rest: Uint8Array = new Uint8Array(0)
  for (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : joined(rest, chunk)
    const whole = bytes.length - (bytes.length % 3)
    yield base64(bytes.subarray(0, whole))
    rest = bytes.slice(whole)
  }
  yield base64(rest)
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}
