import { z } from 'zod'
import { CouchError } from '../../couch-error.ts'
import type { Database, Leaf, StoredDoc } from '../../store/store.ts'
import { flag, jsonTexts, rev } from '../query-values.ts'
import {
  conflictsMember,
  deletedConflictsMember,
  localSeqMember,
  revisionsMember,
  revsInfoMember,
} from './doc-text.ts'
import { checkedRev } from './rev.ts'

/** What `GET /db/doc` is asked for. */
export const docQuery = z.object({
  rev: rev.optional(),
  revs: flag.optional(),
  revs_info: flag.optional(),
  open_revs: z.string().optional(),
  latest: flag.optional(),
  attachments: flag.optional(),
  atts_since: jsonTexts.optional(),
  conflicts: flag.optional(),
  deleted_conflicts: flag.optional(),
  local_seq: flag.optional(),
  meta: flag.optional(),
})

export type DocQuery = z.infer<typeof docQuery>

/** What of it `membersOf` looks at. */
export type MemberQuery = Pick<
  DocQuery,
  'revs' | 'revs_info' | 'conflicts' | 'deleted_conflicts' | 'local_seq' | 'meta'
>

/** The members beside the stored ones that a read asked for, as text for `docText`. */
export function membersOf(query: MemberQuery, doc: StoredDoc, rev: string): string {
  const { tree } = doc
  const revisions = query.revs ? tree.revisions(rev) : undefined
  let members = revisions === undefined ? '' : revisionsMember(revisions)
  if (query.revs_info || query.meta) members += revsInfoMember(tree, rev)
  if (query.conflicts || query.meta) members += conflictsMember(tree.leaves())
  if (query.deleted_conflicts || query.meta) members += deletedConflictsMember(tree.leaves())
  if (query.local_seq) members += localSeqMember(doc.seq)
  return members
}

/** True if an answer is told by its rev alone, so that an ETag may stand for it. */
export function isPlain(query: DocQuery): boolean {
  for (const name in query) {
    const value = query[name as keyof DocQuery]
    if (name !== 'rev' && value !== undefined && value !== false) return false
  }
  return true
}

/** The document of this id and the rev that a read without `open_revs` means. */
export function openDoc(
  database: Pick<Database, 'doc'>,
  id: string,
  query: Pick<DocQuery, 'rev' | 'latest'>,
): { readonly doc: StoredDoc; readonly rev: string } {
  const doc = database.doc(id, { withWinner: query.rev === undefined })
  if (doc === undefined) throw new CouchError('not_found', 'missing')
  if (query.rev !== undefined) return { doc, rev: newestOf(doc, query.rev, query.latest === true) }
  if (doc.tree.winner.deleted) throw new CouchError('not_found', 'deleted')
  return { doc, rev: doc.tree.winner.rev }
}

/** With `latest`, the leaf that the named rev grew into. CouchDB 3.5 answers the winner here, also from another branch. */
function newestOf(doc: StoredDoc, rev: string, latest: boolean): string {
  return (latest ? doc.tree.leavesOf(rev)[0]?.rev : undefined) ?? rev
}

/** The leaves or named revs of `open_revs`; with `latest`, each named rev's leaves, once. */
export function openRevsOf(doc: StoredDoc | undefined, query: DocQuery): readonly string[] {
  if (query.open_revs === 'all') return leafRevsOf(doc)
  const asked = readRevs(query.open_revs ?? '')
  if (!query.latest || doc === undefined) return asked
  return [...new Set(asked.flatMap(rev => latestOf(doc, rev)))]
}

function readRevs(text: string): readonly string[] {
  const revs = jsonTexts.safeParse(text)
  if (!revs.success) throw new CouchError('bad_request', '`open_revs` must be "all" or a JSON list of revs')
  return revs.data.map(rev => checkedRev(rev, 'open_revs'))
}

/** The leaves of a rev, or the rev itself where it is not known. */
export function latestOf(doc: StoredDoc, rev: string): readonly string[] {
  const leaves = doc.tree.leavesOf(rev)
  return leaves.length === 0 ? [rev] : revsOf(leaves)
}

/** All leaves, the winner first. */
export function leafRevsOf(doc: StoredDoc | undefined): readonly string[] {
  return revsOf(doc?.tree.leaves() ?? [])
}

function revsOf(leaves: readonly Leaf[]): string[] {
  return leaves.map(leaf => leaf.rev)
}
