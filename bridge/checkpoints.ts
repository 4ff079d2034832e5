import type pg from 'pg'
import { holdShape } from './descriptions/record.ts'
import { answered, type Queryable, single } from './postgres-client.ts'

/**
 * How far each database is mirrored: the sequence up to which all is in the tables or in the dead letters. It is committed with
 * the rows that it tells of, and who writes rows holds it.
 */

/** Before any batch: there must be a row to lock. */
export async function makeCheckpoint(pool: pg.Pool, database: string): Promise<void> {
  await single(pool, sql =>
    sql.query('insert into divan.checkpoints (database) values ($1) on conflict do nothing', [database]),
  )
}

/**
 * Takes the checkpoint for this transaction, and with it the right to write rows: see `holdShape`. False if another bridge has it
 * or has moved it: then what was read from the old cursor must not be applied.
 */
export async function takeCheckpoint(
  sql: Queryable,
  database: string,
  cursor: string | undefined,
): Promise<boolean> {
  const [, taken] = await answered([
    holdShape(sql),
    sql.query<{ readonly cursor: string | null }>(
      'select cursor from divan.checkpoints where database = $1 for update skip locked',
      [database],
    ),
  ])
  const [row] = taken.rows
  return row !== undefined && (row.cursor ?? undefined) === cursor
}

/** Moves the checkpoint to where the applied changes end. */
export async function moveCheckpoint(sql: Queryable, database: string, cursor: string): Promise<void> {
  await sql.query('update divan.checkpoints set cursor = $2, mirrored_at = now() where database = $1', [
    database,
    cursor,
  ])
}

/** Puts every database back to its start: all of it is to be read again. Its rows stay until then. */
export async function resetCheckpoints(sql: Queryable): Promise<void> {
  await sql.query('update divan.checkpoints set cursor = null')
}

/** Takes away what stands for a database that is gone. */
export async function dropCheckpoint(sql: Queryable, database: string): Promise<void> {
  await sql.query('delete from divan.checkpoints where database = $1', [database])
}
