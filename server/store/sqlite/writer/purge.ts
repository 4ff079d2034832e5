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
import { type DocRecord, readDoc, updateDoc } from './doc-record.ts'
import { count } from './store-change.ts'
import type { Transaction } from './transaction.ts'

/**
 * What one command drops, and then no further document: others wait meanwhile. Names of attachments count as bodies, histories as
 * bytes. One document has no such bound.
 */
const SLICE_BODIES = 500
const SLICE_BYTES = 4 * 1024 * 1024

/** What a command may still do. */
type Room = { bodies: number; bytes: number }

/**
 * Forgets leaves, and the ancestors that no other leaf has. A document that has leaves left is changed: it gets a new number, and its
 * winner may be another. One without any is gone as if it had never been.
 */
export function purge(tx: Transaction, { db, revs }: CommandOf<'purge'>): Results['purge'] {
  const state = tx.database(db)
  const purged = new Map<string, readonly string[]>()
  const room: Room = { bodies: SLICE_BODIES, bytes: SLICE_BYTES }
  let done = 0
  for (const [id, named] of revs) {
    const gone = purgeDoc(tx, state, { id, named }, room)
    if (gone.length > 0) purged.set(id, gone)
    done++
    if (room.bodies <= 0 || room.bytes <= 0) break
  }
  return { purged, done }
}

/** The leaves that were removed. */
function purgeDoc(
  tx: Transaction,
  state: DatabaseState,
  { id, named }: { readonly id: string; readonly named: readonly string[] },
  room: Room,
): readonly string[] {
  const doc = readDoc(tx.connection, state.db, id)
  if (doc === undefined) return []
  room.bytes -= doc.text.length
  const nodes = unpackTree(doc.text)
  const known = new Set(nodes.keys())
  const removed = removeLeaves(nodes, named)
  if (removed.revs.length === 0) return []
  const live = liveAfter(doc, nodes, isLiveForgotten(tx, state, doc, { known, nodes }))
  dropUnused(tx, state, { nodes, bodies: [...removed.bodies, doc.live], live }, room)
  storeRest(tx, state, id, { doc, nodes, live })
  state.purgeSeq++
  return removed.revs
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
  room: Room,
): void {
  const used = new Set(Array.from(nodes.values(), ({ seq }) => seq))
  for (const seq of new Set(bodies)) {
    if (seq === null || seq === live || used.has(seq)) continue
    const { bytes, names } = dropBody(tx.connection, state.db, seq, tx.now)
    state.storedBytes -= bytes
    room.bytes -= bytes
    room.bodies -= 1 + names
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
  state.hasInnerBodies = true
  const bytes = tree.body === doc.body ? doc.bytes : storedSize(tx.connection, state.db, tree.body)
  updateDoc(tx.connection, { db: state.db, id, seq, time: state.lastTime }, tree, { live, bytes })
  count(state, doc, { deleted: tree.deleted, bytes })
}

function treeOf(nodes: RevNodes): Tree | undefined {
  const [winner, second] = leafNodes(nodes)
  if (winner === undefined) return undefined
  assert(winner.seq !== undefined, 'a leaf has a body')
  const { deleted, seq } = winner
  return { text: packTree(nodes), rev: revOf(winner), deleted, branched: second !== undefined, body: seq }
}
