import type { Attachment, Leaf, Revision } from '../store/store.ts'

/** A document as PouchDB's callers get it. Its members are those of its body, and these. */
export type DocObject = {
  _id: string
  _rev: string
  _deleted?: true
  _attachments?: Record<string, AttachmentObject>
  _conflicts?: string[]
}

/** An attachment of a document: a stub, or with its bytes. */
export type AttachmentObject = {
  content_type: string
  revpos: number
  digest: string
  length?: number
  stub?: true
  data?: string | Buffer
}

/** A revision as an object of its own: the one place where a stored body is parsed. */
export function docObject(id: string, revision: Revision): DocObject {
  const doc: DocObject = { ...JSON.parse(revision.body), _id: id, _rev: revision.rev }
  if (revision.deleted) doc._deleted = true
  if (revision.attachments !== undefined) doc._attachments = stubs(revision.attachments)
  return doc
}

function stubs(attachments: readonly Attachment[]): Record<string, AttachmentObject> {
  return Object.fromEntries(
    attachments.map(({ name, contentType, revpos, digest, length }) => [
      name,
      { content_type: contentType, revpos, digest, length, stub: true },
    ]),
  )
}

/** The revs of the other live leaves: `_conflicts`. */
export function conflictsOf(leaves: readonly Leaf[]): string[] {
  return leaves.filter((leaf, rank) => rank > 0 && !leaf.deleted).map(({ rev }) => rev)
}
