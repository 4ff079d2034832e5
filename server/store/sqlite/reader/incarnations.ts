import type { Epoch, Incarnations } from '../../sequences.ts'
import type { Connection } from '../connection.ts'

type Row = readonly [first: number, epoch: string, updateSeq: number]

/** A database's epochs and its last number, of one moment. Undefined if it is gone. */
export function readIncarnations(connection: Connection, db: number): Incarnations | undefined {
  return incarnationsOf(
    connection.rows<Row>(
      `select e.first, e.epoch, d.update_seq from databases d join epochs e on e.db = d.db
       where d.db = ? and d.deleted = 0 order by e.first`,
      db,
    ),
  )
}

/** Those of the store-wide update log. */
export function readUpdatesIncarnations(connection: Connection): Incarnations {
  const rows = connection.rows<Row>(
    `select first, epoch, (select coalesce(max(n), 0) from updates) from epochs where db = 0 order by first`,
  )
  return incarnationsOf(rows) ?? { epochs: [], updateSeq: 0 }
}

function incarnationsOf(rows: readonly Row[]): Incarnations | undefined {
  const last = rows.at(-1)
  if (last === undefined) return undefined
  return { epochs: rows.map(([first, epoch]): Epoch => ({ first, epoch })), updateSeq: last[2] }
}
