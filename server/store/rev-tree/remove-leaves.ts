import { leafNodes } from './leaf-nodes.ts'
import { pathFrom, type RevNode, type RevNodes, revOf } from './rev-node.ts'

/** The leaves that were removed, and the bodies that went with them and with their ancestors. */
export type Removed = { readonly revs: readonly string[]; readonly bodies: readonly number[] }

/**
 * Removes leaves, and the ancestors that no other leaf has, as if they had never been. Revs that are unknown or no leaf are passed over,
 * as CouchDB does (couch_key_tree:remove_leafs).
 */
export function removeLeaves(nodes: RevNodes, revs: readonly string[]): Removed {
  const leaves = leafNodes(nodes)
  const tips = new Set(leaves.map(revOf))
  const removed = new Set(revs.filter(rev => tips.has(rev)))
  if (removed.size === 0) return { revs: [], bodies: [] }
  const kept = ancestry(leaves.filter(leaf => !removed.has(revOf(leaf))))
  const bodies: number[] = []
  for (const [rev, node] of nodes) {
    if (kept.has(node)) continue
    nodes.delete(rev)
    if (node.seq !== undefined) bodies.push(node.seq)
  }
  return { revs: [...removed], bodies }
}

function ancestry(leaves: readonly RevNode[]): ReadonlySet<RevNode> {
  const nodes = new Set<RevNode>()
  for (const leaf of leaves) {
    for (const node of pathFrom(leaf)) {
      if (nodes.has(node)) break
      nodes.add(node)
    }
  }
  return nodes
}
