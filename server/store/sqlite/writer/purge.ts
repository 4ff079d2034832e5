import assert from 'node:assert/strict'
import type { Tree } from '../../rev-tree/grow-tree.ts'
import { leafNodes } from '../../rev-tree/leaf-nodes.ts'
import { packTree, unpackTree } from '../../rev-tree/packed-tree.ts'
import { removeLeaves } from '../../rev-tree/remove-leaves.ts'
import { pathFrom, type RevNodes, revOf } from '../../rev-tree/rev-node.ts'
import type { CommandOf, Results } from '../commands.ts'
import { toStoredId } from '../stored-id.ts'
import { dropBody, storedRev, storedSize } from './bodies.ts'
import type { DatabaseState } from './database-state.ts'
import { type DocRecord, readDoc, writeDoc } from './doc-record.ts'
import { count } from './store-change.ts'
import type { Transaction } from './transaction.ts'

/**
 * Forgets leaves, and the ancestors that no other leaf has. A document that has leaves left is changed: it gets a new number, and its
 * winner may be another. One without any is gone as if it had never been.
 */
export function purge(tx: Transaction, { db, revs }: CommandOf<'purge'>): Results['purge'] {
  const state = tx.database(db)
  const purged = new Map<string, readonly string[]>()
  for (const [id, named] of revs) {
    const doc = readDoc(tx.connection, db, id)
    const nodes: RevNodes = doc === undefined ? new Map() : unpackTree(doc.text)
    const known = new Set(nodes.keys())
    const removed = removeLeaves(nodes, named)
    if (doc === undefined || removed.revs.length === 0) continue
    const live = liveAfter(doc, nodes, isLiveForgotten(tx, state, doc, { known, nodes }))
    dropUnused(tx, state, { nodes, bodies: [...removed.bodies, doc.live], live })
    storeRest(tx, state, id, { doc, nodes, live })
    state.purgeSeq++
    purged.set(id, removed.revs)
  }
  return purged
}

/**
 * The last live body goes with its revision. If that was not known any more, by stemming, nothing tells which branch it was on: it was
 * that of the winner, and goes with it.
 */
function isLiveForgotten(
  tx: Transaction,
  { db }: DatabaseState,
  doc: DocRecord,
  { known, nodes }: { readonly known: ReadonlySet<string>; readonly nodes: RevNodes },
): boolean {
  if (doc.live === null) return false
  const rev = storedRev(tx.connection, db, doc.live) ?? ''
  return !nodes.has(known.has(rev) ? rev : doc.rev)
}

/** The last live body after a purge. Where it is forgotten, what a tombstone was before is its nearest live ancestor. */
function liveAfter(doc: DocRecord, nodes: RevNodes, isForgotten: boolean): number | null {
  const [winner] = leafNodes(nodes)
  if (winner === undefined) return null
  if (!winner.deleted) return winner.seq ?? null
  if (!isForgotten) return doc.live
  for (const { seq, deleted } of pathFrom(winner)) if (seq !== undefined && !deleted) return seq
  return null
}

type Rest = { readonly nodes: RevNodes; readonly live: number | null }

function dropUnused(
  tx: Transaction,
  state: DatabaseState,
  { nodes, bodies, live }: Rest & { readonly bodies: readonly (number | null)[] },
): void {
  const used = new Set(Array.from(nodes.values(), ({ seq }) => seq))
  for (const seq of new Set(bodies)) {
    if (seq !== null && seq !== live && !used.has(seq))
      state.storedBytes -= dropBody(tx.connection, state.db, seq, tx.now).bytes
  }
}

function storeRest(
  tx: Transaction,
  state: DatabaseState,
  id: string,
  { doc, nodes, live }: Rest & { readonly doc: DocRecord },
): void {
  const tree = treeOf(nodes)
  if (tree === undefined) {
    tx.connection.run('delete from docs where db = ? and id = ?', state.db, toStoredId(id))
    count(state, doc, undefined)
    return
  }
  const seq = tx.nextSeq(state)
  const bytes = tree.body === doc.body ? doc.bytes : storedSize(tx.connection, state.db, tree.body)
  const rest = { ...tree, live, bytes }
  writeDoc(tx.connection, { db: state.db, id, seq, time: state.lastTime }, rest, false)
  count(state, doc, rest)
}

function treeOf(nodes: RevNodes): Tree | undefined {
  const [winner, second] = leafNodes(nodes)
  if (winner === undefined) return undefined
  assert(winner.seq !== undefined, 'a leaf has a body')
  const { deleted, seq } = winner
  return { text: packTree(nodes), rev: revOf(winner), deleted, branched: second !== undefined, body: seq }
}
