import { CouchError } from '../../../couch-error.ts'
import type { Connection } from '../connection.ts'

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
}

type Row = readonly [string, number, string, number, number, number, number, number, number, number]

/** Reads a database's counters; refused if there is no such database any more. */
export function readState(connection: Connection, db: number): DatabaseState {
  const row = connection.row<Row>(
    `select name, update_seq, run, last_time, doc_count, doc_del_count, active_bytes, stored_bytes, revs_limit, purge_seq
     from databases where db = ? and deleted = 0`,
    db,
  )
  if (row === undefined) throw new CouchError('not_found', 'Database does not exist.')
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
  }
}

/** Writes the counters back. */
export function writeState(connection: Connection, state: DatabaseState): void {
  connection.run(
    `update databases set update_seq = ?, run = ?, last_time = ?, doc_count = ?, doc_del_count = ?,
     active_bytes = ?, stored_bytes = ?, revs_limit = ?, purge_seq = ? where db = ?`,
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
  )
}
