import type pg from 'pg'
import { BridgeError } from '../bridge-error.ts'
import type { Queryable } from '../postgres-client.ts'
import { type Described, FINGERPRINT, fingerprintOf } from './described.ts'
import { RebuildUnderWay } from './rebuild-under-way.ts'

/** Batches hold it shared, who changes the shape of tables holds it alone: no batch is half before and half after. */
const SHAPE_LOCK = 7_213_940_187

/** The descriptions that the mirror's rows were made by. */
export interface RecordedDescriptions {
  readonly described: readonly Described[]
  /** Fingerprints of descriptions that others have taken the place of. */
  readonly superseded: readonly string[]
  /** What is being made anew, while a rebuild is under way: see `rebuildToken`. */
  readonly rebuilding: string | undefined
}

/** What is recorded; undefined for a mirror that is empty, or was made before there were records. */
export async function readRecord(sql: Queryable): Promise<RecordedDescriptions | undefined> {
  const { rows } = await sql.query<{
    readonly described: string
    readonly superseded: string[]
    readonly rebuilding: string | null
  }>('select described, superseded, rebuilding from divan.descriptions')
  const [row] = rows
  if (row === undefined) return undefined
  const described: readonly Described[] = JSON.parse(row.described)
  return { described, superseded: row.superseded, rebuilding: row.rebuilding ?? undefined }
}

/** Records the descriptions that all rows are made by from now on. Those before them are superseded. */
export async function writeRecord(sql: Queryable, described: readonly Described[]): Promise<void> {
  await sql.query(
    `insert into divan.descriptions as d (fingerprint, described) values ($1, $2)
     on conflict (only_row) do update
       set fingerprint = excluded.fingerprint, described = excluded.described, recorded_at = now(), rebuilding = null,
           superseded = array_remove(array_remove(d.superseded, d.fingerprint) || d.fingerprint, excluded.fingerprint)`,
    [fingerprintOf(described), JSON.stringify(described)],
  )
}

/** Records that tables are being made anew. No batch begins until `writeRecord` says that it is done. */
export async function startRebuild(sql: Queryable, token: string): Promise<void> {
  await sql.query('delete from divan.rebuilt_databases')
  await sql.query('update divan.descriptions set rebuilding = $1', [token])
}

/** Records that no tables are being made anew any more: the descriptions are those of before. */
export async function endRebuild(sql: Queryable): Promise<void> {
  await sql.query('delete from divan.rebuilt_databases')
  await sql.query('update divan.descriptions set rebuilding = null')
}

/** Makes sure, until the transaction ends, that this rebuild is the one that is under way. */
export async function holdRebuild(sql: Queryable, token: string): Promise<void> {
  const results: unknown = await sql.query(HOLD)
  const [, found] = results as readonly pg.QueryResult<Shape>[]
  if (found?.rows[0]?.rebuilding !== token)
    throw new BridgeError('this rebuild was finished or cancelled by somebody else, or another one has begun')
}

/** Waits until no batch is under way, and lets none begin until the transaction ends. */
export async function lockShape(sql: Queryable): Promise<void> {
  await sql.query('select pg_advisory_xact_lock($1)', [SHAPE_LOCK])
}

/** One round trip; each statement sees what was committed before it began. */
const HOLD = `select pg_advisory_xact_lock_shared(${SHAPE_LOCK});
select fingerprint, rebuilding from divan.descriptions`

/**
 * Makes sure, until the transaction ends, that the tables are those of this program's descriptions. A bridge of another
 * version may have changed them since this one started: what this one would write is then wrong, and it must end.
 */
export async function holdShape(sql: Queryable): Promise<void> {
  const results: unknown = await sql.query(HOLD)
  const [, found] = results as readonly pg.QueryResult<Shape>[]
  checkShape(found?.rows[0])
}

/** The same as they are now, for a bridge that has nothing to write: it need not wait for that to end. */
export async function lookAtShape(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<Shape>('select fingerprint, rebuilding from divan.descriptions')
  checkShape(rows[0])
}

type Shape = { readonly fingerprint: string; readonly rebuilding: string | null }

function checkShape(shape: Shape | undefined): void {
  if (shape?.rebuilding?.startsWith(FINGERPRINT)) throw new RebuildUnderWay()
  if (shape?.fingerprint !== FINGERPRINT || shape.rebuilding !== null) throw new BridgeError(OTHER_BRIDGE)
}

const OTHER_BRIDGE =
  'a bridge with other descriptions has changed the tables: this one ends, for what it writes would be wrong. Run the version that has them'
