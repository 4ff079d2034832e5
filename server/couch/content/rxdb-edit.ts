import type { AttachmentEdit, Database } from '../../store/store.ts'
import type { DocInput, RawDoc } from './doc-input.ts'

/**
 * RxDB knows nothing of attachments: it sends each document without them, and every edit of its took away the photos that PouchDB had
 * put there. It is known by `_deleted: false`, which no other client says of a document. Returns what such an edit leaves in place.
 */
export function attachmentsLeftInPlace(
  database: Database,
  doc: RawDoc,
  { id, rev }: DocInput,
): readonly AttachmentEdit[] | undefined {
  if (doc._deleted !== false || doc._attachments !== undefined || rev === undefined) return undefined
  const stored = database.doc(id)
  // A rev that is not the winner is a conflict, whatever it brings.
  if (stored?.tree.winner.rev !== rev) return undefined
  return database
    .revision(stored, rev)
    ?.attachments?.map(({ name, contentType, digest, revpos }) => ({ name, contentType, digest, revpos }))
}
