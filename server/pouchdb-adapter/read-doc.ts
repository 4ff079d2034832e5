import { createError, MISSING_DOC } from 'pouchdb-errors'
import type { Database, RevTree, StoredDoc } from '../store/store.ts'
import { attachmentData, type BytesForm, type FoundBytes, findBytes } from './attachments.ts'
import { type AttachmentObject, type DocObject, docObject } from './doc-object.ts'
import { type NestedTree, nestedTree } from './nested-tree.ts'

/** What PouchDB's core asks of one document. */
export type GetOptions = {
  readonly rev?: string | undefined
  /** With `rev`: the leaf that came of it, if it is none. */
  readonly latest?: boolean | undefined
  readonly attachments?: boolean | undefined
}

/** A document, and what PouchDB's core needs to say more of it: the history, and the attachments to read from. */
export type Got = {
  readonly doc: DocObject
  readonly metadata: { readonly id: string; readonly rev_tree: NestedTree }
  readonly ctx: FoundBytes
}

export function getDoc(database: Database, id: string, options: GetOptions): Got {
  return database.atOnce(() => {
    const stored = database.doc(id)
    if (stored === undefined) throw createError(MISSING_DOC, 'missing')
    const { tree } = stored
    const revision = database.revision(stored, wantedRev(tree, options))
    if (revision === undefined) throw createError(MISSING_DOC)
    const doc = docObject(id, revision)
    const ctx = findBytes(database, options.attachments ? [doc] : [])
    return { doc, metadata: { id, rev_tree: nestedTree(tree) }, ctx }
  })
}

function wantedRev(tree: RevTree, { rev, latest }: GetOptions): string {
  if (rev === undefined) {
    if (tree.winner.deleted) throw createError(MISSING_DOC, 'deleted')
    return tree.winner.rev
  }
  return (latest === true ? tree.leavesOf(rev)[0]?.rev : undefined) ?? rev
}

export type AttachmentOptions = BytesForm & { readonly ctx?: FoundBytes | undefined }

/** The bytes of one attachment of a document that was read. */
export function getAttachment(
  database: Database,
  { digest, content_type }: AttachmentObject,
  options: AttachmentOptions,
): string | Buffer {
  const bytes = options.ctx?.get(digest) ?? database.attachment(digest)
  if (bytes === undefined) throw createError(MISSING_DOC)
  return attachmentData(bytes, content_type, options)
}

/** A document that is there, deleted or not. */
export function storedDoc(database: Database, id: string): StoredDoc {
  const stored = database.doc(id)
  if (stored === undefined) throw createError(MISSING_DOC)
  return stored
}
