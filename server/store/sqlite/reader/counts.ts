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

/**
 * How many documents changed last after a number, or before it. The counters know how many there are, so only the
 * shorter side is counted. One statement, so that a commit between two reads cannot make the difference wrong.
 */
export function countPending(connection: Connection, db: number, n: number, descending: boolean): number {
  const { updateSeq } = readFacts(connection, db)
  if (n > updateSeq) n = updateSeq + 1
  const counted = n <= updateSeq / 2 ? 'before' : 'after'
  const row = connection.row<[number]>(COUNTS[`${descending ? 'before' : 'after'} by ${counted}`], db, n)
  return row?.[0] ?? 0
}

const TOTAL = '(select doc_count + doc_del_count from databases where db = ?1)'
const COUNTS = {
  'after by after': 'select count(*) from docs where db = ?1 and seq > ?2',
  'after by before': `select ${TOTAL} - count(*) from docs where db = ?1 and seq <= ?2`,
  'before by before': 'select count(*) from docs where db = ?1 and seq < ?2',
  'before by after': `select ${TOTAL} - count(*) from docs where db = ?1 and seq >= ?2`,
} as const
