import type { PouchNode, PouchTree } from 'pouchdb-merge'

/** A revision in PouchDB's tree. */
type Status = { readonly rev: string; readonly isAvailable: boolean; readonly isDeleted: boolean }

/** PouchDB's history of a document: each leaf with its ancestors, newest first. */
export type PouchHistory = {
  readonly paths: ReadonlyMap<string, readonly Status[]>
  /** The tree has a revision in two places. */
  readonly hasDoubles: boolean
}

/** Reads the tree that `_getRevisionTree` answers. */
export function readPouchTree(tree: PouchTree): PouchHistory {
  const paths = new Map<string, readonly Status[]>()
  const seen = new Set<string>()
  let count = 0
  const walk = (pos: number, [sig, { status, deleted }, children]: PouchNode, above: readonly Status[]) => {
    const rev = `${pos}-${sig}`
    seen.add(rev)
    count++
    const path = [{ rev, isAvailable: status === 'available', isDeleted: deleted === true }, ...above]
    if (children.length === 0) paths.set(rev, path)
    for (const child of children) walk(pos + 1, child, path)
  }
  for (const { pos, ids } of tree) walk(pos, ids, [])
  return { paths, hasDoubles: seen.size < count }
}
