import type pg from 'pg'
import { pino } from 'pino'
import { pause } from './back-off.ts'
import { BridgeError } from './bridge-error.ts'
import { couchClient } from './couch-client.ts'
import { PageSizes } from './page-sizes.ts'
import { openPool } from './postgres-client.ts'
import { isBusy } from './postgres-errors.ts'
import { cancelRebuild } from './rebuild/cancel-rebuild.ts'
import { Patience } from './rebuild/patience.ts'
import { type RebuildContext, rebuildTables } from './rebuild/rebuild-tables.ts'
import { prepareSchema } from './schema/migrations.ts'
import { isMirrored } from './source.ts'
import { takeTurn } from './turn.ts'

export type RebuildOptions = {
  readonly serverUrl: string
  readonly databaseUrl: string
  /**
   * A table, a database, or `all`; `cancel` gives up what was begun. Undefined: the tables whose descriptions have
   * changed.
   */
  readonly what: string | undefined
  readonly signal: AbortSignal
  /** A line for whoever waits. */
  say(line: string): void
}

/**
 * Makes rows anew: those of one database, in one transaction and beside running bridges; or those of whole tables,
 * while the bridges wait. Throws a `BridgeError` for what an operator must put right first.
 */
export async function rebuildMirror(options: RebuildOptions): Promise<void> {
  const { serverUrl, databaseUrl, what, signal, say } = options
  const pool = openPool(databaseUrl, 6)
  const context = { client: couchClient(serverUrl), pool, signal, say }
  try {
    if (what === 'cancel') return await cancel(context)
    if (what !== undefined && isMirrored(what)) return await rebuildDatabase(context, what)
    const isDone = await rebuildTables(context, what)
    // What is left to be done for a bridge to start, if anything, is told now and not at its start.
    await prepareSchema(pool)
    say(isDone ? 'done: the bridges go on' : 'the tables are those of the descriptions: nothing to make anew')
  } finally {
    await pool.end()
  }
}

async function cancel(context: RebuildContext): Promise<void> {
  // Who is filling tables at this moment first ends what he has in his hands.
  const wasBegun = await new Patience(context).with(() => cancelRebuild(context.pool), isBusy)
  context.say(
    wasBegun ? 'given up: the tables stay as they were, and the bridges go on' : 'no rebuild is under way',
  )
}

async function rebuildDatabase(context: RebuildContext, database: string): Promise<void> {
  const { pool, signal, say } = context
  await prepareSchema(pool)
  const wasMirrored = await hasCheckpoint(pool, database)
  // A new mark: a batch that is under way would clear the one of before, and the request with it.
  await pool.query(
    `insert into divan.dirty_databases (database, rebuild) values ($1, 0)
     on conflict (database) do update set (mark, rebuild) = (select m, m from nextval('divan.marks') m)`,
    [database],
  )
  const log = pino({ level: 'silent' })
  const meter = { batch: () => undefined, turn: () => undefined, retry: () => undefined }
  const turns = { ...context, log, meter, pageSizes: new PageSizes() }
  while (await isMarked(context, database)) {
    const outcome = await takeTurn(turns, database)
    // A bridge is at it.
    if (outcome === 'taken') await pause(200, signal)
    signal.throwIfAborted()
  }
  if (await hasCheckpoint(pool, database)) return say(`the rows of ${database} are made anew`)
  if (!wasMirrored) throw new BridgeError(`neither the server nor the mirror has a database ${database}`)
  say(`the server has no database ${database}: the rows that it had are gone`)
}

/** It goes when the server no longer has the database. */
async function hasCheckpoint(pool: pg.Pool, database: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    'select from divan.checkpoints where database = $1 and mirrored_at is not null',
    [database],
  )
  return rowCount === 1
}

async function isMarked({ pool }: RebuildContext, database: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    'select from divan.dirty_databases where database = $1 and rebuild is not null',
    [database],
  )
  return rowCount === 1
}
