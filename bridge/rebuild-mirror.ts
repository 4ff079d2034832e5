import { pino } from 'pino'
import { pause } from './back-off.ts'
import { couchClient } from './couch-client.ts'
import { PageSizes } from './page-sizes.ts'
import { openPool } from './postgres-client.ts'
import { type RebuildContext, rebuildTables } from './rebuild/rebuild-tables.ts'
import { prepareSchema } from './schema/migrations.ts'
import { isMirrored } from './source.ts'
import { takeTurn } from './turn.ts'

export type RebuildOptions = {
  readonly serverUrl: string
  readonly databaseUrl: string
  /** A table, a database, or `all`. Undefined: the tables whose descriptions have changed. */
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
    if (what !== undefined && isMirrored(what)) return await rebuildDatabase(context, what)
    const isDone = await rebuildTables(context, what)
    // What is left to be done for a bridge to start, if anything, is told now and not at its start.
    await prepareSchema(pool)
    say(isDone ? 'done: the bridges go on' : 'the tables are those of the descriptions: nothing to make anew')
  } finally {
    await pool.end()
  }
}

async function rebuildDatabase(context: RebuildContext, database: string): Promise<void> {
  const { pool, signal, say } = context
  await prepareSchema(pool)
  await pool.query(
    `insert into divan.dirty_databases as d (database, rebuild) values ($1, 0)
     on conflict (database) do update set rebuild = d.mark`,
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
  say(`the rows of ${database} are made anew`)
}

async function isMarked({ pool }: RebuildContext, database: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    'select from divan.dirty_databases where database = $1 and rebuild is not null',
    [database],
  )
  return rowCount === 1
}
