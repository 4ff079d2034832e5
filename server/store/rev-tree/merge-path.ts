import type { Revisions } from '../store.ts'
import { formatRev } from './rev.ts'
import { addMissing, type RevNode, type RevNodes } from './rev-node.ts'

/** The newest revision of a path that is merged: where its body will be stored. */
export type NewLeaf = { readonly seq: number; readonly deleted: boolean }

/** `body`: the newest revision's body is wanted. `names`: only unknown ancestors were learned. */
export type Merged = 'body' | 'names' | 'nothing'

/**
 * Merges a revision and its ancestors, newest first, into a history. What is known stays as it is, so the order in
 * which paths arrive does not matter; a path may join histories that were apart until then.
 */
export function mergePath(nodes: RevNodes, path: Revisions, leaf: NewLeaf): Merged {
  let merged: Merged = 'nothing'
  let child: RevNode | undefined
  for (const [depth, sig] of path.ids.entries()) {
    const known = nodes.get(formatRev(path.start - depth, sig))
    // A rev keeps its first ancestors: what a forged path says otherwise leads nowhere.
    if (child?.parent !== undefined && child.parent !== known) break
    const node = known ?? addMissing(nodes, path.start - depth, sig)
    if (child !== undefined && child.parent === undefined) {
      child.parent = node
      merged = 'names'
    }
    child = node
  }
  return storeBody(nodes, path, leaf) ? 'body' : merged
}

function storeBody(nodes: RevNodes, path: Revisions, leaf: NewLeaf): boolean {
  const newest = nodes.get(formatRev(path.start, path.ids[0] ?? ''))
  if (newest === undefined || newest.seq !== undefined) return false
  newest.seq = leaf.seq
  newest.deleted = leaf.deleted
  return true
}
