import type { Epoch, Incarnations } from '../../sequences.ts'
import type { Connection } from '../connection.ts'
import { noDatabase } from '../no-database.ts'

type Row = readonly [first: number, epoch: string, updateSeq: number]

/** A database's epochs and its last number, of one moment. */
export function readIncarnations(connection: Connection, db: number): Incarnations {
  const rows = connection.rows<Row>(
    `select e.first, e.epoch, d.update_seq from databases d join epochs e on e.db = d.db
     where d.db = ? and d.deleted = 0 order by e.first`,
    db,
  )
  if (rows.length === 0) throw noDatabase()
  return incarnationsOf(rows)
}

/** Those of the store-wide update log. */
export function readUpdatesIncarnations(connection: Connection): Incarnations {
  return incarnationsOf(
    connection.rows<Row>(
      `select first, epoch, (select coalesce(max(n), 0) from updates) as update_seq from epochs where db = 0
       order by first`,
    ),
  )
}

function incarnationsOf(rows: readonly Row[]): Incarnations {
  return {
    epochs: rows.map(([first, epoch]): Epoch => ({ first, epoch })),
    updateSeq: rows[0]?.[2] ?? 0,
  }
}
