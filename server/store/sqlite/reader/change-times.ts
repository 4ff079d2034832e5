import type { Connection } from '../connection.ts'
import { readFacts } from './counts.ts'

type Row = readonly [seq: number, time: number]

/**
 * The number of the last change before a time; 0 if there is none. Times never go back as the numbers rise, so halving the numbers
 * finds it: some 20 reads by the index that feeds have, and none of its own.
 */
export function readLastBefore(connection: Connection, db: number, time: number): number {
  return connection.atOnce(() => {
    // Changes up to `low` are before it, those beyond `high` are not.
    let low = 0
    let high = readFacts(connection, db).updateSeq
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const [seq, at] = firstAfter(connection, db, middle) ?? [Number.POSITIVE_INFINITY, time]
      if (at < time) low = seq
      else high = middle
    }
    return low
  })
}

function firstAfter(connection: Connection, db: number, n: number): Row | undefined {
  return connection.row<Row>(
    'select seq, time from docs where db = ? and seq > ? order by seq limit 1',
    db,
    n,
  )
}
