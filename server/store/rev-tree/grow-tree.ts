import assert from 'node:assert/strict'
import type { Revisions } from '../store.ts'
import { reachOf } from './cut-path.ts'
import { leafNodes } from './leaf-nodes.ts'
import { extendHistory, spanOf, startHistory } from './linear-history.ts'
import { mergePath, type NewLeaf } from './merge-path.ts'
import { packTree, unpackTree } from './packed-tree.ts'
import { formatRev, parseRev } from './rev.ts'
import { revOf } from './rev-node.ts'
import { stem } from './stem.ts'

/** A document's history as it is stored: the packed text and what is asked of it most, its winner. */
export type Tree = {
  readonly text: string
  readonly rev: string
  readonly deleted: boolean
  readonly branched: boolean
  /** The number the winner's body is stored under. */
  readonly body: number
}

/** A history after one more path: whether the path's newest body is wanted, and the bodies that are of no use now. */
export type Grown = Tree & { readonly stored: boolean; readonly dropped: readonly number[] }

/**
 * Merges a revision with its ancestors into a history and stems it. Undefined: nothing in it was new. A path that
 * goes on from the only leaf, which nearly all do, extends the text; any other is merged as a tree.
 */
export function growTree(
  tree: Tree | undefined,
  path: Revisions,
  leaf: NewLeaf,
  limit: number,
): Grown | undefined {
  assert(path.ids.length > 0, 'a path has at least its own revision')
  if (tree === undefined) return firstTree(path, leaf, limit)
  const above = newAbove(tree, path, limit)
  if (above === undefined) return growBranches(tree, path, leaf, limit)
  if (above.length === 0) return undefined
  const { text, dropped } = extendHistory(tree.text, above, leaf, limit)
  return linear(text, path, leaf, dropped)
}

function firstTree(path: Revisions, leaf: NewLeaf, limit: number): Grown {
  return linear(startHistory(path.start, path.ids.slice(0, limit), leaf), path, leaf, [])
}

function linear(text: string, path: Revisions, leaf: NewLeaf, dropped: readonly number[]): Grown {
  const rev = formatRev(path.start, path.ids[0] ?? '')
  return { text, rev, deleted: leaf.deleted, branched: false, body: leaf.seq, stored: true, dropped }
}

/** The path's revisions above the only leaf, newest first; undefined if it does not simply go on from there. */
function newAbove(tree: Tree, path: Revisions, limit: number): readonly string[] | undefined {
  const winner = parseRev(tree.rev)
  if (tree.branched || winner === undefined) return undefined
  const count = path.start - winner.pos
  if (count < 0 || count >= limit || path.ids[count] !== winner.sig) return undefined
  const { oldest } = spanOf(tree.text)
  const learnsAncestors = path.start - path.ids.length + 1 < oldest && path.start - oldest + 1 < limit
  return learnsAncestors ? undefined : path.ids.slice(0, count)
}

function growBranches(tree: Tree, path: Revisions, leaf: NewLeaf, limit: number): Grown | undefined {
  const nodes = unpackTree(tree.text)
  const merged = mergePath(nodes, reachOf(nodes, path, limit), leaf)
  if (merged === 'nothing') return undefined
  const dropped = stem(nodes, limit)
  const text = packTree(nodes)
  if (text === tree.text) return undefined
  const [winner, second] = leafNodes(nodes)
  assert(winner?.seq !== undefined, 'a leaf has a body')
  const { deleted, seq } = winner
  const branched = second !== undefined
  return { text, rev: revOf(winner), deleted, branched, body: seq, stored: merged === 'body', dropped }
}
