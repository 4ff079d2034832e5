import { leafNodes } from './leaf-nodes.ts'
import { pathFrom, type RevNode, type RevNodes, revOf } from './rev-node.ts'

/**
 * Forgets every revision that is `limit` or more steps away from all leaves, as CouchDB does: what two branches share
 * stays while one of them still needs it. Returns the sequence numbers whose bodies are of no use any more.
 */
export function stem(nodes: RevNodes, limit: number): number[] {
  if (nodes.size <= limit) return []
  const kept = keptNodes(nodes, limit)
  const dropped: number[] = []
  for (const node of nodes.values()) {
    if (kept.has(node)) continue
    nodes.delete(revOf(node))
    if (node.seq !== undefined) dropped.push(node.seq)
  }
  for (const node of kept) if (node.parent !== undefined && !kept.has(node.parent)) node.parent = undefined
  return dropped
}

function keptNodes(nodes: RevNodes, limit: number): Set<RevNode> {
  const kept = new Set<RevNode>()
  for (const leaf of leafNodes(nodes)) {
    let room = limit
    for (const node of pathFrom(leaf)) {
      if (room-- <= 0) break
      kept.add(node)
    }
  }
  return kept
}
