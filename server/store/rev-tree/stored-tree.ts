import type { Leaf, Revisions, RevTree } from '../store.ts'
import { leafNodes } from './leaf-nodes.ts'
import { spanOf } from './linear-history.ts'
import { unpackSigs, unpackTree } from './packed-tree.ts'
import { pathFrom, type RevNode, type RevNodes, revOf } from './rev-node.ts'

/** A stored history, unpacked when something is asked that its winner alone cannot answer. */
export class StoredTree implements RevTree {
  readonly winner: Leaf
  readonly #text: string
  readonly #body: number | undefined
  #nodes: RevNodes | undefined
  #leafNodes: readonly RevNode[] | undefined

  /** `body` is where the winner's body is, if that was read with it. */
  constructor(text: string, winner: Leaf, body?: number) {
    this.#text = text
    this.#body = body
    this.winner = { rev: winner.rev, deleted: winner.deleted }
  }

  leaves(): readonly Leaf[] {
    return this.#isLinear() ? [this.winner] : this.#leaves().map(leafOf)
  }

  has(rev: string): boolean {
    return rev === this.winner.rev || this.#all().has(rev)
  }

  revisions(rev: string): Revisions | undefined {
    if (rev === this.winner.rev && this.#isLinear()) {
      return { start: spanOf(this.#text).newest, ids: unpackSigs(this.#text) }
    }
    const node = this.#all().get(rev)
    return node && { start: node.pos, ids: Array.from(pathFrom(node), ({ sig }) => sig) }
  }

  leavesOf(rev: string): readonly Leaf[] {
    if (rev === this.winner.rev) return [this.winner]
    const node = this.#all().get(rev)
    if (node === undefined) return []
    return this.#leaves()
      .filter(leaf => descendsFrom(leaf, node))
      .map(leafOf)
  }

  revsInfo(rev: string) {
    const node = this.#all().get(rev)
    if (node === undefined) return []
    return Array.from(pathFrom(node), at => ({ rev: revOf(at), status: statusOf(at) }))
  }

  /** Where a revision's body is. Undefined if the rev is unknown or known only by name. */
  seqOf(rev: string): number | undefined {
    return rev === this.winner.rev && this.#body !== undefined ? this.#body : this.#all().get(rev)?.seq
  }

  #isLinear(): boolean {
    return !this.#text.includes('|')
  }

  #all(): RevNodes {
    this.#nodes ??= unpackTree(this.#text)
    return this.#nodes
  }

  #leaves(): readonly RevNode[] {
    this.#leafNodes ??= leafNodes(this.#all())
    return this.#leafNodes
  }
}

function leafOf(node: RevNode): Leaf {
  return { rev: revOf(node), deleted: node.deleted }
}

function descendsFrom(leaf: RevNode, ancestor: RevNode): boolean {
  for (const at of pathFrom(leaf)) {
    if (at === ancestor) return true
    if (at.pos <= ancestor.pos) return false
  }
  return false
}

function statusOf(node: RevNode): 'available' | 'missing' | 'deleted' {
  if (node.seq === undefined) return 'missing'
  return node.deleted ? 'deleted' : 'available'
}
