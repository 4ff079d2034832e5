import { CouchError } from '../couch-error.ts'
import type { Database } from '../store/store.ts'
import { storedDoc } from './read-doc.ts'

export const OK = { ok: true } as const

export type Info = { readonly doc_count: number; readonly update_seq: string }

/** What PouchDB's core knows of a database as a whole. The sequence is in the wire form: see README.md. */
export function info(database: Database): Info {
  const { docCount, updateSeq } = database.facts()
  return { doc_count: docCount, update_seq: database.sequence(updateSeq) }
}

export type Diff = Record<string, { missing: readonly string[] }>

/** Which revisions are missing here, by document. */
export function revsDiff(database: Database, asked: Record<string, readonly string[]>): Diff {
  const diff = database.revsDiff(new Map(Object.entries(asked)))
  return Object.fromEntries(Array.from(diff, ([id, { missing }]) => [id, { missing }]))
}

export type Purged = {
  readonly ok: true
  readonly deletedRevs: readonly string[]
  readonly documentWasRemovedCompletely: boolean
}

/** Forgets a leaf, and the ancestors that no other leaf has. */
export async function purge(database: Database, id: string, leaf: string): Promise<Purged> {
  const { tree } = storedDoc(database, id)
  if (!tree.has(leaf)) throw new CouchError('not_found', 'The requested revision does not exist')
  if (!tree.leaves().some(({ rev }) => rev === leaf))
    throw new CouchError('bad_request', 'The requested revision is not a leaf')
  const path = tree.revsInfo(leaf).map(({ rev }) => rev)
  await database.purge(new Map([[id, [leaf]]]))
  const left = database.doc(id)?.tree
  return {
    ...OK,
    deletedRevs: path.filter(rev => left?.has(rev) !== true),
    documentWasRemovedCompletely: left === undefined,
  }
}
