import { createError, MISSING_DOC } from 'pouchdb-errors'
import type { AttachmentBytes, Database, RevTree, StoredDoc } from '../store/store.ts'
import { attachmentData, type BytesForm } from './attachments.ts'
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
  readonly ctx: Bytes
}

/** Attachments that stay readable though a write may drop their revision before they are read. */
type Bytes = ReadonlyMap<string, AttachmentBytes>

export function getDoc(database: Database, id: string, options: GetOptions): Got {
  return database.atOnce(() => {
    const stored = database.doc(id)
    if (stored === undefined) throw createError(MISSING_DOC, 'missing')
    const { tree } = stored
    const revision = database.revision(stored, wantedRev(tree, options))
    if (revision === undefined) throw createError(MISSING_DOC)
    const doc = docObject(id, revision)
    const ctx: Bytes = options.attachments ? bytesOf(database, doc) : new Map()
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

function bytesOf(database: Database, doc: DocObject): Bytes {
  const bytes = new Map<string, AttachmentBytes>()
  for (const { digest } of Object.values(doc._attachments ?? {})) {
    const found = database.attachment(digest)
    if (found !== undefined) bytes.set(digest, found)
  }
  return bytes
}

export type AttachmentOptions = BytesForm & { readonly ctx?: Bytes | undefined }

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
