import { dropBodies, innerBodies } from '../../rev-tree/drop-bodies.ts'
import type { CommandOf, Results } from '../commands.ts'
import type { Connection } from '../connection.ts'
import { takePage } from '../reader/page-bytes.ts'
import { dropBody } from './bodies.ts'
import type { Transaction } from './transaction.ts'

/** What one slice does at most: a few milliseconds, so that no one's write waits long behind it. */
const SLICE_DOCS = 200
const SLICE_BODIES = 200
const SLICE_BYTES = 1024 * 1024

/** Asks for compaction up to the last change. Those who ask while it goes on move its end. */
export function askCompaction(tx: Transaction, { db }: CommandOf<'compact'>): Results['compact'] {
  const { updateSeq } = tx.database(db)
  return (
    tx.connection.run(
      'update databases set compact_to = ?2 where db = ?1 and compacted_seq < ?2',
      db,
      updateSeq,
    ) > 0
  )
}

/** A database that a slice of compaction worked on. `hasEnded`: all is compacted that had changed when somebody last asked. */
export type CompactedSlice = { readonly db: number; readonly hasEnded: boolean }

/**
 * Compacts some documents of one database, in a transaction of its own. Undefined: nothing is to be compacted. Only documents that
 * changed since the last compaction are looked at, in the order of their changes; one that changes meanwhile is met again, at its new
 * place. Neither its number nor its time is changed, so no feed tells of it.
 */
export function compactSlice(connection: Connection): CompactedSlice | undefined {
  const row = connection.row<[number, number, number]>(
    `select db, compacted_seq, compact_to from databases where compact_to > compacted_seq and deleted = 0
     order by db limit 1`,
  )
  if (row === undefined) return undefined
  const [db, from, to] = row
  const docs = readPage(connection, { db, from, to })
  const at = docs.length === 0 ? to : compactDocs(connection, db, docs)
  if (at === to) reachGoal(connection, db)
  return { db, hasEnded: at === to }
}

type Doc = readonly [seq: number, id: string, live: number | null, tree: string]

function readPage(
  connection: Connection,
  { db, from, to }: { readonly db: number; readonly from: number; readonly to: number },
): readonly Doc[] {
  const rows = connection.each<Doc>(
    'select seq, id, live, tree from docs where db = ? and seq > ? and seq <= ? order by seq limit ?',
    db,
    from,
    to,
    SLICE_DOCS,
  )
  return takePage(rows, doc => ({ result: doc, size: doc[3].length }))
}

/**
 * Goes on until a slice's room is used up. A document that needs more of it is gone on with in the next one. Returns the number of the
 * last one that is done.
 */
function compactDocs(connection: Connection, db: number, docs: readonly Doc[]): number | undefined {
  const room = { bodies: SLICE_BODIES, bytes: SLICE_BYTES }
  let at: number | undefined
  let freed = 0
  for (const doc of docs) {
    const dropped = compactDoc(connection, db, doc, room)
    freed += dropped.bytes
    if (!dropped.hasEnded) break
    at = doc[0]
  }
  connection.run(
    'update databases set compacted_seq = coalesce(?, compacted_seq), stored_bytes = stored_bytes - ? where db = ?',
    at ?? null,
    freed,
    db,
  )
  return at
}

/** What a slice may still do. */
type Room = { bodies: number; bytes: number }

function compactDoc(connection: Connection, db: number, [, id, live, tree]: Doc, room: Room) {
  const unused = innerBodies(tree).filter(seq => seq !== live)
  const dropped = new Set<number>()
  let bytes = 0
  for (const seq of unused) {
    if (room.bodies <= 0 || room.bytes <= 0) break
    const size = dropBody(connection, db, seq)
    dropped.add(seq)
    bytes += size
    room.bytes -= size
    room.bodies--
  }
  if (dropped.size > 0)
    connection.run('update docs set tree = ? where db = ? and id = ?', dropBodies(tree, dropped), db, id)
  return { bytes, hasEnded: dropped.size === unused.length }
}

/**
 * The goal is reached. What changed meanwhile has moved behind it and is the next goal, or a document that is written again and again
 * would never be met: its old bodies are more than a slice has room for, and after the slice it is somewhere else.
 */
function reachGoal(connection: Connection, db: number): void {
  connection.run(
    `update databases set compacted_seq = compact_to, compact_to = update_seq,
       compacted_bytes = case when compact_to = update_seq then stored_bytes else compacted_bytes end
     where db = ?`,
    db,
  )
}
