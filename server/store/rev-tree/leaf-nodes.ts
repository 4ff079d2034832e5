import type { RevNode, RevNodes } from './rev-node.ts'

/** The tips of all branches, the winner first: not deleted before deleted, then the longest, then the highest sig. */
export function leafNodes(nodes: RevNodes): RevNode[] {
  const parents = new Set<RevNode>()
  for (const node of nodes.values()) if (node.parent !== undefined) parents.add(node.parent)
  const leaves: RevNode[] = []
  for (const node of nodes.values()) if (!parents.has(node)) leaves.push(node)
  return leaves.sort(byWinning)
}

/** CouchDB's deterministic choice: every server that knows the same leaves shows the same one. */
function byWinning(a: RevNode, b: RevNode): number {
  if (a.deleted !== b.deleted) return a.deleted ? 1 : -1
  if (a.pos !== b.pos) return b.pos - a.pos
  return a.sig < b.sig ? 1 : -1
}
