import { dropBodies, innerBodies } from '../../rev-tree/drop-bodies.ts'
import type { CommandOf, Results } from '../commands.ts'
import type { Connection } from '../connection.ts'
import { takePage } from '../reader/page-bytes.ts'
import { type Dropped, dropBody } from './bodies.ts'
import type { Transaction } from './transaction.ts'

/**
 * What one slice does at most: a few milliseconds, so that no one's write waits long behind it. A name that a body has for an
 * attachment counts as a body.
 */
const SLICE_DOCS = 200
const SLICE_BODIES = 200
const SLICE_BYTES = 1024 * 1024

/** Asks for compaction up to the last change. Those who ask while it goes on move its end. */
export function askCompaction(tx: Transaction, { db }: CommandOf<'compact'>): Results['compact'] {
  const { updateSeq } = tx.database(db)
  return (
    tx.connection.runCounted(
      'update databases set compact_to = ?2 where db = ?1 and compacted_seq < ?2',
      db,
      updateSeq,
    ) > 0
  )
}

/** A database that a slice of compaction worked on. `hasEnded`: all is compacted that had changed when somebody last asked. */
export type CompactedSlice = { readonly db: number; readonly hasEnded: boolean }

type Cursor = {
  readonly db: number
  readonly from: number
  readonly goal: number
  readonly updateSeq: number
  readonly now: number
}

/**
 * Compacts some documents of one database, in a transaction of its own. Undefined: nothing is to be compacted. Only documents that
 * changed since the last compaction are looked at, in the order of their changes; one that changes meanwhile is met again, at its new
 * place. Neither its number nor its time is changed, so no feed tells of it.
 *
 * It is the turn of the next database after the one with the number `after`: one that is written without a pause is never done, and
 * must not keep the others waiting.
 */
export function compactSlice(
  connection: Connection,
  after = 0,
  now = Date.now(),
): CompactedSlice | undefined {
  const row = nextDatabase(connection, after) ?? nextDatabase(connection, 0)
  if (row === undefined) return undefined
  const [db, from, goal, updateSeq] = row
  const cursor = { db, from, goal, updateSeq, now }
  const at = compactDocs(connection, cursor)
  moveCursor(connection, { ...cursor, from: at })
  return { db, hasEnded: at >= goal }
}

function nextDatabase(connection: Connection, after: number) {
  return connection.row<[number, number, number, number]>(
    `select db, compacted_seq, compact_to, update_seq from databases
     where compact_to > compacted_seq and deleted = 0 and db > ? order by db limit 1`,
    after,
  )
}

type Doc = readonly [seq: number, id: string, live: number | null, tree: string]

function readPage(connection: Connection, { db, from }: Cursor): readonly Doc[] {
  const rows = connection.each<Doc>(
    'select seq, id, live, tree from docs where db = ? and seq > ? order by seq limit ?',
    db,
    from,
    SLICE_DOCS,
  )
  return takePage(rows, doc => ({ result: doc, size: doc[3].length }))
}

/**
 * Goes on until a slice's room is used up, and returns the number up to which all is done. A document that needs more room is gone on
 * with in the next slice.
 */
function compactDocs(connection: Connection, cursor: Cursor): number {
  const room = { bodies: SLICE_BODIES, bytes: SLICE_BYTES }
  const docs = readPage(connection, cursor)
  let at = cursor.from
  for (const doc of docs) {
    if (!compactDoc(connection, cursor, doc, room)) break
    at = doc[0]
  }
  const freed = SLICE_BYTES - room.bytes
  if (freed > 0)
    connection.run('update databases set stored_bytes = stored_bytes - ? where db = ?', freed, cursor.db)
  return docs.length === 0 ? cursor.updateSeq : at
}

const NOTHING: Dropped = { bytes: 0, names: 0 }

/** What a slice may still do. */
type Room = { bodies: number; bytes: number }

/**
 * The last live body stays, but its revision is known by name only, like all that are no leaf: clients find it as on a CouchDB, and
 * only `withLastLive` reads it. False: there was not room enough for all of it.
 */
function compactDoc(
  connection: Connection,
  { db, now }: Cursor,
  [, id, live, tree]: Doc,
  room: Room,
): boolean {
  const inner = innerBodies(tree)
  const forgotten = new Set<number>()
  for (const seq of inner) {
    if (room.bodies <= 0 || room.bytes <= 0) break
    const { bytes, names } = seq === live ? NOTHING : dropBody(connection, db, seq, now)
    room.bytes -= bytes
    room.bodies -= 1 + names
    forgotten.add(seq)
  }
  if (forgotten.size > 0)
    connection.run('update docs set tree = ? where db = ? and id = ?', dropBodies(tree, forgotten), db, id)
  return forgotten.size === inner.length
}

/**
 * Beyond the goal it goes on to what changed meanwhile, and ends where nothing is left. If it ended at the goal, a document that is
 * written again and again would never be met: it needs more than one slice, and after the first it is somewhere else.
 */
function moveCursor(connection: Connection, { db, from, goal, updateSeq }: Cursor): void {
  connection.run(
    `update databases set compacted_seq = ?2, compact_to = ?3,
       compacted_bytes = case when ?2 = update_seq then stored_bytes else compacted_bytes end
     where db = ?1`,
    db,
    from,
    from >= goal ? updateSeq : goal,
  )
}
