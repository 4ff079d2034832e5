import type { Connection } from '../connection.ts'
import { noDatabase } from '../no-database.ts'

/** A database's counters while a transaction changes them: read once, written once, however many edits there are. */
export type DatabaseState = {
  readonly db: number
  readonly name: string
  updateSeq: number
  run: string
  lastTime: number
  docCount: number
  docDelCount: number
  activeBytes: number
  storedBytes: number
  revsLimit: number
  purgeSeq: number
  /** The last change before this transaction. */
  readonly seqBefore: number
  /** True once a change of this transaction leaves a body that is no leaf's. */
  hasInnerBodies: boolean
}

type Row = readonly [string, number, string, number, number, number, number, number, number, number]

/** Reads a database's counters; refused if there is no such database any more. */
export function readState(connection: Connection, db: number): DatabaseState {
  const row = connection.row<Row>(
    `select name, update_seq, run, last_time, doc_count, doc_del_count, active_bytes, stored_bytes, revs_limit, purge_seq
     from databases where db = ? and deleted = 0`,
    db,
  )
  if (row === undefined) throw noDatabase()
  const [
    name,
    updateSeq,
    run,
    lastTime,
    docCount,
    docDelCount,
    activeBytes,
    storedBytes,
    revsLimit,
    purgeSeq,
  ] = row
  return {
    db,
    name,
    updateSeq,
    run,
    lastTime,
    docCount,
    docDelCount,
    activeBytes,
    storedBytes,
    revsLimit,
    purgeSeq,
    seqBefore: updateSeq,
    hasInnerBodies: false,
  }
}

/**
 * Compaction begins by itself when the stored bytes are so many times those that were left when it last ended, and this much more. The
 * ratio is that of CouchDB's own. A database in which nothing can be dropped is looked at once for each doubling, and then only at what
 * changed since: all compactions together look at no more documents than were written. Changes that leave nothing to drop, as when
 * many documents come for the first time, count as compacted when they are written.
 */
const COMPACTION_RATIO = 2
const COMPACTION_FLOOR_BYTES = 4 * 1024 * 1024

/** No change's number. */
const NEVER = -1

/** Writes the counters back, and asks for compaction if it is time. */
export function writeState(connection: Connection, state: DatabaseState): void {
  connection.run(
    `update databases set update_seq = ?1, run = ?2, last_time = ?3, doc_count = ?4, doc_del_count = ?5, active_bytes = ?6,
     stored_bytes = ?7, revs_limit = ?8, purge_seq = ?9,
     compacted_seq = case when compacted_seq = ?11 then ?1 else compacted_seq end,
     compacted_bytes = case when compacted_seq = ?11 then ?7 else compacted_bytes end,
     compact_to = case when compacted_seq <> ?11 and compact_to <= compacted_seq and ?7 >= ${COMPACTION_RATIO} * compacted_bytes + ${COMPACTION_FLOOR_BYTES} then ?1 else compact_to end
     where db = ?10`,
    state.updateSeq,
    state.run,
    state.lastTime,
    state.docCount,
    state.docDelCount,
    state.activeBytes,
    state.storedBytes,
    state.revsLimit,
    state.purgeSeq,
    state.db,
    state.hasInnerBodies ? NEVER : state.seqBefore,
  )
}
