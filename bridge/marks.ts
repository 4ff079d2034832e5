import type pg from 'pg'
import { makeCheckpoint } from './checkpoints.ts'
import { type Queryable, single } from './postgres-client.ts'

/**
 * Which databases have changes that are not mirrored. Marks and checkpoints are two tables, because two parts of the bridge
 * write them and neither may wait for the other: marks are set while a long batch of the same database is being applied.
 *
 *     _db_updates --mark--> divan.dirty_databases --turn--> rows + divan.checkpoints
 *
 * Every statement runs in a transaction, also the single ones: what waits for a lock without a limit would wait on in
 * Postgres after its bridge has given up, one connection more with each attempt.
 *
 * A row of dirty_databases stands until a turn has seen the feed's end with the very mark it began with; a wake-up
 * in between has put a new mark there, and the row stays.
 *
 * To make the rows of a database anew is to renew it here, so that it is not taken for a rebuild, which is of tables; an operator
 * knows both by the command, and the column has its name: `rebuild`.
 */
export interface DirtyDatabase {
  readonly mark: string
  /** The mark that asked for all rows of the database to be made anew, if one did. */
  readonly renewal: string | undefined
  readonly cursor: string | undefined
}

/** What a turn starts from; undefined if nothing is to be done for this database. */
export async function readDirty(pool: pg.Pool, database: string): Promise<DirtyDatabase | undefined> {
  const [row] = await single(pool, sql => readMarked(sql, database))
  if (row === undefined) return undefined
  if (!row.known) await makeCheckpoint(pool, database)
  return { mark: row.mark, renewal: row.renewal ?? undefined, cursor: row.cursor ?? undefined }
}

/** A mark, and the checkpoint if there is one. */
type Marked = {
  readonly mark: string
  readonly renewal: string | null
  readonly cursor: string | null
  readonly known: boolean
}

async function readMarked(sql: Queryable, database: string): Promise<Marked[]> {
  const { rows } = await sql.query<Marked>(
    `select d.mark, d.rebuild as renewal, c.cursor, c.database is not null as known
       from divan.dirty_databases d
       left join divan.checkpoints c using (database)
      where d.database = $1`,
    [database],
  )
  return rows
}

/**
 * The feed's end was reached: the database is clean unless it was marked again. True if it is clean. If not it is behind since now,
 * not since the first of its marks: one that is written to all the time would seem to lag by hours.
 */
export async function clearMark(sql: Queryable, database: string, mark: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    'delete from divan.dirty_databases where database = $1 and mark = $2',
    [database, mark],
  )
  if (rowCount === 1) return true
  await sql.query('update divan.dirty_databases set marked_at = now() where database = $1', [database])
  return false
}

/** The rows are made anew as it was asked for, though the database may be dirty again. */
export async function clearRenewal(sql: Queryable, database: string, renewal: string): Promise<void> {
  await sql.query('update divan.dirty_databases set rebuild = null where database = $1 and rebuild = $2', [
    database,
    renewal,
  ])
}

/** The databases that have waited longest, without those that rest after a failure. */
export async function dirtyDatabases(
  pool: pg.Pool,
  resting: readonly string[],
  limit: number,
): Promise<string[]> {
  const { rows } = await single(pool, sql =>
    sql.query<{ readonly database: string }>(
      `select database from divan.dirty_databases where database <> all($1::text[]) order by marked_at limit $2`,
      [resting, limit],
    ),
  )
  return rows.map(row => row.database)
}

/** Those of some databases that still have something to mirror. */
export async function stillDirty(pool: pg.Pool, databases: readonly string[]): Promise<Set<string>> {
  const { rows } = await single(pool, sql =>
    sql.query<{ readonly database: string }>(
      'select database from divan.dirty_databases where database = any($1::text[])',
      [databases],
    ),
  )
  return new Set(rows.map(row => row.database))
}

/** Databases to mark as dirty. */
export type Marks = {
  readonly databases: readonly string[]
  /** Those among them that were deleted or made: what is mirrored of them may be of an earlier one. */
  readonly remade: readonly string[]
  /** Those among them that have rows and no checkpoint. */
  readonly unclaimed?: readonly string[] | undefined
}

/**
 * Marks databases. In the order of their names, so that two transactions that mark the same ones cannot wait for
 * each other. Something to rebuild is only what has a checkpoint: of it there are rows, or a first batch is under way, perhaps with
 * documents of the database before. One that is new is mirrored in the ordinary way.
 */
export async function markDirty(sql: Queryable, marks: Marks): Promise<void> {
  if (marks.databases.length === 0) return
  await sql.query(
    `insert into divan.dirty_databases as d (database)
     select unnest($1::text[])
     on conflict (database) do update set mark = nextval('divan.marks')`,
    [[...new Set(marks.databases)].sort()],
  )
  if (marks.unclaimed !== undefined && marks.unclaimed.length > 0) {
    await sql.query('update divan.dirty_databases set rebuild = mark where database = any($1::text[])', [
      marks.unclaimed,
    ])
  }
  if (marks.remade.length === 0) return
  await sql.query(
    `update divan.dirty_databases d set rebuild = d.mark
       from divan.checkpoints c
      where d.database = any($1::text[]) and c.database = d.database`,
    [marks.remade],
  )
}

/** Marks every database that was ever mirrored, in the order in which `markDirty` does, whatever the collation. */
export async function markAllMirrored(sql: Queryable): Promise<void> {
  await sql.query(
    `insert into divan.dirty_databases (database)
     select database from divan.checkpoints order by database collate "C"
     on conflict (database) do update set mark = nextval('divan.marks')`,
  )
}

/** Asks for all rows of a database to be made anew, by whoever takes the next turn at it. */
export async function markForRenewal(sql: Queryable, database: string): Promise<void> {
  // A new mark: a batch that is under way would clear the one of before, and the request with it.
  await sql.query(
    `insert into divan.dirty_databases (database, rebuild) values ($1, 0)
     on conflict (database) do update set (mark, rebuild) = (select m, m from nextval('divan.marks') m)`,
    [database],
  )
}

export async function isMarkedForRenewal(sql: Queryable, database: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    'select from divan.dirty_databases where database = $1 and rebuild is not null',
    [database],
  )
  return rowCount === 1
}
