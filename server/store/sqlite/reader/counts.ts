import type { DatabaseFacts } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { noDatabase } from '../no-database.ts'

type FactsRow = readonly [number, number, number, number, number, number, number, number]

/** A database's counters. */
export function readFacts(connection: Connection, db: number): DatabaseFacts {
  const row = connection.row<FactsRow>(
    `select doc_count, doc_del_count, update_seq, active_bytes, stored_bytes, revs_limit, purge_seq,
       compact_to > compacted_seq
     from databases where db = ? and deleted = 0`,
    db,
  )
  if (row === undefined) throw noDatabase()
  const [docCount, docDelCount, updateSeq, activeBytes, storedBytes, revsLimit, purgeSeq, compacting] = row
  return {
    docCount,
    docDelCount,
    updateSeq,
    activeBytes,
    storedBytes,
    revsLimit,
    purgeSeq,
    isCompacting: compacting === 1,
  }
}
