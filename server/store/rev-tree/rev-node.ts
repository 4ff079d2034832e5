import { formatRev } from './rev.ts'

/**
 * One revision of a document. A node knows its parent, so a document's whole history is a flat map of nodes by rev:
 * a branch is nothing but a second node with the same parent, and merging needs no walk from the roots.
 */
export type RevNode = {
  readonly pos: number
  readonly sig: string
  /** Undefined: a first revision, or one whose ancestors are unknown or stemmed. */
  parent: RevNode | undefined
  /** The sequence number its body is stored under; undefined while only its name is known (`missing`). */
  seq: number | undefined
  deleted: boolean
}

/** A document's history by rev. A rev has one place in it: the parent it came with first is the one it keeps. */
export type RevNodes = Map<string, RevNode>

/** Adds a revision of which only the name is known. */
export function addMissing(nodes: RevNodes, pos: number, sig: string): RevNode {
  const node: RevNode = { pos, sig, parent: undefined, seq: undefined, deleted: false }
  nodes.set(formatRev(pos, sig), node)
  return node
}

/** A node's rev. */
export function revOf(node: RevNode): string {
  return formatRev(node.pos, node.sig)
}

/** A node and its known ancestors, newest first. */
export function* pathFrom(node: RevNode): Generator<RevNode> {
  for (let at: RevNode | undefined = node; at !== undefined; at = at.parent) yield at
}
