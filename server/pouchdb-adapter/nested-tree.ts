import assert from 'node:assert/strict'
import { parseRev } from '../store/rev-tree/rev.ts'
import type { RevTree } from '../store/store.ts'

/** A history as PouchDB's core walks it: roots with their pos, each node with its children. */
export type NestedTree = { readonly pos: number; readonly ids: NestedNode }[]
type NestedNode = [sig: string, known: Known, children: NestedNode[]]
type Known = { readonly status: 'available' | 'missing'; readonly deleted?: true }

/** Builds PouchDB's form of a history, from its leaves down to where they meet. */
export function nestedTree(tree: RevTree): NestedTree {
  const nodes = new Map<string, NestedNode>()
  const roots: NestedTree = []
  for (const leaf of tree.leaves()) {
    const root = addPath(nodes, tree.revsInfo(leaf.rev))
    if (root !== undefined) roots.push(root)
  }
  return roots
}

/** Adds a path, newest first, up to the first rev that is there already; its root if it has one of its own. */
function addPath(
  nodes: Map<string, NestedNode>,
  path: ReturnType<RevTree['revsInfo']>,
): NestedTree[number] | undefined {
  let root: NestedTree[number] | undefined
  for (const { rev, status } of path) {
    const children = root === undefined ? [] : [root.ids]
    const known = nodes.get(rev)
    if (known !== undefined) {
      known[2].push(...children)
      return undefined
    }
    const parsed = parseRev(rev)
    assert(parsed !== undefined, 'a history is made of revs')
    const node: NestedNode = [parsed.sig, KNOWN[status], children]
    nodes.set(rev, node)
    root = { pos: parsed.pos, ids: node }
  }
  return root
}

const KNOWN = {
  available: { status: 'available' },
  missing: { status: 'missing' },
  deleted: { status: 'available', deleted: true },
} as const
