import { couchClient } from '../couch-client.ts'
import { openPool } from '../postgres-client.ts'
import { isBusy } from '../postgres-errors.ts'
import { prepareSchema } from '../schema/migrations.ts'
import { isMirrored } from '../source.ts'
import { cancelRebuild } from './cancel-rebuild.ts'
import { Patience } from './patience.ts'
import { type RebuildContext, rebuildTables } from './rebuild-tables.ts'
import { renewDatabase } from './renew-database.ts'

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
    if (what !== undefined && isMirrored(what)) return await renewDatabase(context, what)
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
