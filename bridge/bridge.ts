import type pg from 'pg'
import { type Logger, pino } from 'pino'
import { delayAfter, pause } from './back-off.ts'
import type { BridgeError } from './bridge-error.ts'
import { type CouchClient, couchClient } from './couch-client.ts'
import { searchDirty } from './dirty-search.ts'
import { type BridgePart, Failures } from './failures.ts'
import { fatalError } from './fatal-error.ts'
import type { FeedPlace } from './feed-place.ts'
import { noOutages, type Outages } from './outages.ts'
import { PageSizes } from './page-sizes.ts'
import { openPool, postgresName } from './postgres-client.ts'
import { prepareSchema } from './schema/migrations.ts'
import { TroubledDatabases } from './troubled-databases.ts'
import { updatesCursor } from './updates-feed.ts'
import { type FollowContext, findFeedPlace, followUpdates } from './updates-follower.ts'
import { createWatch, type Watch, type WatchOptions } from './watch/watch.ts'
import { WorkQueue } from './work-queue.ts'
import { runWorkers, WORKERS } from './workers.ts'

export type BridgeOptions = {
  /** With the credentials of an admin in it. Divan or a CouchDB. */
  readonly serverUrl: string
  readonly databaseUrl: string
  readonly logLevel: string
  /** Where it answers `/health` and `/metrics`. Undefined: nowhere. */
  readonly watch?: WatchOptions | undefined
  /** Ends the wait for a server or a Postgres that is not up yet. */
  readonly signal?: AbortSignal | undefined
}

/** A running bridge. */
export type Bridge = {
  /** Resolves when it has to end by itself: a bridge with other descriptions has changed the tables. Close it then. */
  readonly ended: Promise<BridgeError>
  /** Ends after the batches under way are committed. */
  close(): Promise<void>
}

const [START, FEED]: readonly [BridgePart, BridgePart] = ['the start', 'the feed of changed databases']

/** What a bridge is made of. */
type Parts = {
  readonly client: CouchClient
  readonly pool: pg.Pool
  readonly log: Logger
  readonly queue: WorkQueue
  readonly pageSizes: PageSizes
  readonly signal: AbortSignal
  readonly outages: Outages
  readonly troubled: TroubledDatabases
  readonly failures: Failures
  readonly watch: Watch
}

/**
 * Mirrors a server's databases into Postgres until it is closed. Waits for both to be up; throws a `BridgeError` of
 * one line for what waiting cannot mend: credentials, rights, a foreign schema. A bug is thrown as it is.
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const stop = new AbortController()
  const given = options.signal
  given?.addEventListener('abort', () => stop.abort(given.reason), { once: true })
  const parts = openParts(options, stop.signal)
  try {
    given?.throwIfAborted()
    await parts.watch.listen()
    const areOthers = await untilReady(parts, () => prepareSchema(parts.pool), options.databaseUrl)
    if (areOthers) parts.log.warn(FROM_A_DUMP)
    const from = await untilReady(parts, () => findFeedPlace(followContext(parts)), options.databaseUrl)
    parts.log.info(`mirroring ${parts.client.url} into ${postgresName(options.databaseUrl)}`)
    parts.watch.enter('mirroring')
    return runningBridge(parts, from, stop)
  } catch (error) {
    await parts.watch.close()
    await parts.pool.end()
    throw error
  }
}

const FROM_A_DUMP =
  'the tables are not those that were mirrored into, they came from a dump; all databases are mirrored anew'

function openParts(options: BridgeOptions, signal: AbortSignal): Parts {
  const log = pino({ name: 'bridge', level: options.logLevel })
  const client = couchClient(options.serverUrl)
  const pool = openPool(options.databaseUrl, WORKERS + 2, log)
  const outages = noOutages(log, `the server ${client.url}`, postgresName(options.databaseUrl))
  const [queue, troubled, pageSizes] = [new WorkQueue(), new TroubledDatabases(log), new PageSizes()]
  const watch = createWatch(options.watch, { pool, queue, outages, troubled, log })
  const failures = new Failures({ client, log, meter: watch.meter, outages, troubled, signal })
  return { client, pool, log, queue, pageSizes, signal, outages, troubled, failures, watch }
}

function followContext({ client, pool, signal, queue }: Parts): FollowContext {
  return { client, pool, signal, marked: databases => queue.add(databases) }
}

function runningBridge(parts: Parts, from: FeedPlace, stop: AbortController): Bridge {
  const working = runWorkers({ ...parts, meter: parts.watch.meter })
  const loops = Promise.all([follow(parts, from), searchDirty(parts), working])
  let closing: Promise<void> | undefined
  const close = async () => {
    parts.watch.enter('stopping')
    stop.abort()
    parts.queue.close()
    await loops
    await parts.watch.close()
    await parts.pool.end()
  }
  return {
    ended: parts.failures.end,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

/** Tries until it succeeds, or until it fails in a way that only an operator can mend. */
async function untilReady<T>(parts: Parts, attempt: () => Promise<T>, databaseUrl: string): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      const result = await attempt()
      parts.failures.over(START)
      return result
    } catch (error) {
      parts.signal.throwIfAborted()
      const fatal = fatalError(error, databaseUrl)
      if (fatal !== undefined) throw fatal
      parts.failures.ofPart(START, error)
      await pause(delayAfter(failures), parts.signal)
      parts.signal.throwIfAborted()
    }
  }
}

async function follow(parts: Parts, from: FeedPlace): Promise<void> {
  const context = followContext(parts)
  let place = from
  let failures = 0
  while (!parts.signal.aborted) {
    try {
      if (failures > 0) await meetServer(parts)
      place = await followUpdates(context, place)
      failures = 0
      parts.failures.over(FEED)
    } catch (error) {
      if (parts.signal.aborted) return
      parts.failures.ofPart(FEED, error)
      await pause(delayAfter(++failures), parts.signal)
    }
  }
}

/** A feed without news says nothing for half a minute: so long a server that is back would seem to be away. */
async function meetServer({ client, signal, outages }: Parts): Promise<void> {
  await updatesCursor(client, signal)
  outages.server.over(FEED)
}
