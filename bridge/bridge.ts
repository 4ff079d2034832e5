import type pg from 'pg'
import { type Logger, pino } from 'pino'
import { delayAfter, pause } from './back-off.ts'
import { BridgeError } from './bridge-error.ts'
import { AnswerTooLarge, type CouchClient, couchClient, ServerError } from './couch-client.ts'
import { RebuildUnderWay } from './descriptions/rebuild-under-way.ts'
import { lookAtShape } from './descriptions/record.ts'
import { fatalError } from './fatal-error.ts'
import type { FeedPlace } from './feed-place.ts'
import { dirtyDatabases, stillDirty } from './marks.ts'
import { Complaints, Outage } from './outage.ts'
import { PageSizes } from './page-sizes.ts'
import { openPool, postgresName } from './postgres-client.ts'
import { isBusy, isTooSlow, verdictOf } from './postgres-errors.ts'
import { prepareSchema } from './schema/migrations.ts'
import { TroubledDatabases } from './troubled-databases.ts'
import { takeTurn } from './turn.ts'
import { updatesCursor } from './updates-feed.ts'
import { type FollowContext, findFeedPlace, followUpdates } from './updates-follower.ts'
import { createWatch, type Watch, type WatchOptions } from './watch/watch.ts'
import { WorkQueue } from './work-queue.ts'

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

/** Batches at once. Each needs a connection to Postgres, and so do the follower and the search for dirty databases. */
const WORKERS = 4

/** How often dirty databases are looked for that no one told this bridge of: another bridge's, or after a failure. */
const SEARCH_MS = 2000

/** A worker whose batches fail so often in a row waits a while. */
const FAILURES_IN_A_ROW = 3

/** The longest that a worker waits after failures that need not concern the next database. */
const SHORT_PAUSE_MS = 1000

/** How long a server may take to say where its feed ends, before it is taken to be away. */
const PROBE_MS = 10_000

/** Who meets an outage besides the databases. */
const [START, FEED, SEARCH] = ['the start', 'the feed of changed databases', 'the search for dirty databases']

/** How many of them are taken at once. */
const SEARCH_LIMIT = 1000

/** What may be away, and what may fail for a while though both answer. */
type Outages = {
  readonly server: Outage
  readonly postgres: Outage
  /** Postgres answers, but has no time or no lock for single batches. */
  readonly batches: Outage
  /** Tables are being made anew. */
  readonly rebuild: Outage
}

type Parts = {
  readonly client: CouchClient
  readonly pool: pg.Pool
  readonly log: Logger
  readonly queue: WorkQueue
  readonly pageSizes: PageSizes
  readonly signal: AbortSignal
  readonly outages: Outages
  readonly complaints: Complaints
  readonly troubled: TroubledDatabases
  readonly watch: Watch
  /** What only an operator can mend, met while the bridge runs. */
  readonly end: { readonly reached: Promise<BridgeError>; readonly reach: (error: BridgeError) => void }
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
    const feed = await untilReady(parts, () => findFeedPlace(followContext(parts)), options.databaseUrl)
    parts.log.info(`mirroring ${parts.client.url} into ${postgresName(options.databaseUrl)}`)
    parts.watch.enter('mirroring')
    return runningBridge(parts, feed, stop)
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
  const outages = openOutages(log, `the server ${client.url}`, postgresName(options.databaseUrl))
  const [queue, troubled] = [new WorkQueue(), new TroubledDatabases(log)]
  const watch = createWatch(options.watch, { pool, queue, outages, troubled, log })
  const [complaints, pageSizes] = [new Complaints(log), new PageSizes()]
  return { client, pool, log, queue, pageSizes, signal, outages, complaints, troubled, watch, end: openEnd() }
}

function openEnd(): Parts['end'] {
  let reach: (error: BridgeError) => void = () => undefined
  const reached = new Promise<BridgeError>(resolve => {
    reach = resolve
  })
  return { reached, reach: error => reach(error) }
}

function openOutages(log: Logger, server: string, postgres: string): Outages {
  const away = (what: string) => ({
    begins: `${what} does not answer as it should; trying again until it does`,
    ends: `${what} answers again`,
  })
  const late = {
    begins: `${postgres} has no time for some batches; trying again until it has`,
    ends: `${postgres} takes all batches again`,
  }
  return {
    server: new Outage(log, away(server)),
    postgres: new Outage(log, away(postgres)),
    batches: new Outage(log, late),
    rebuild: new Outage(log, {
      begins: 'nothing is mirrored while tables are being made anew',
      ends: 'the tables are made anew, and the mirror goes on',
    }),
  }
}

function followContext({ client, pool, signal, queue }: Parts): FollowContext {
  return { client, pool, signal, marked: databases => queue.add(databases) }
}

function runningBridge(parts: Parts, feed: FeedPlace, stop: AbortController): Bridge {
  const workers = Array.from({ length: WORKERS }, () => work(parts))
  const loops = Promise.all([follow(parts, feed), search(parts), ...workers])
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
    ended: parts.end.reached,
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
      overAll(parts, START)
      return result
    } catch (error) {
      parts.signal.throwIfAborted()
      const fatal = fatalError(error, databaseUrl)
      if (fatal !== undefined) throw fatal
      report(parts, error, START)
      await pause(delayAfter(failures), parts.signal)
      parts.signal.throwIfAborted()
    }
  }
}

async function follow(parts: Parts, from: FeedPlace): Promise<void> {
  const context = followContext(parts)
  let feed = from
  let failures = 0
  while (!parts.signal.aborted) {
    try {
      if (failures > 0) await meetServer(parts)
      feed = await followUpdates(context, feed)
      failures = 0
      overAll(parts, FEED)
    } catch (error) {
      if (parts.signal.aborted) return
      report(parts, error, FEED)
      await pause(delayAfter(++failures), parts.signal)
    }
  }
}

/** A feed without news says nothing for half a minute: so long a server that is back would seem to be away. */
async function meetServer({ client, signal, outages }: Parts): Promise<void> {
  await updatesCursor(client, signal)
  outages.server.over(FEED)
}

/**
 * A worker whose turns fail because something is away waits longer each time: what is away for one database is away for all,
 * and the thousands that wait must not be asked for in vain one after the other.
 */
async function work(parts: Parts): Promise<void> {
  const { meter } = parts.watch
  const context = { ...parts, meter }
  let failures = 0
  for (let database = await parts.queue.next(); database !== undefined; database = await parts.queue.next()) {
    try {
      const outcome = await takeTurn(context, database)
      meter.turn(outcome)
      failures = 0
      parts.queue.done(database, outcome === 'more' ? 'more' : 'rest')
      parts.pageSizes.grow(database)
      parts.troubled.succeeded(database)
      overAll(parts, database)
    } catch (error) {
      if (parts.signal.aborted) continue
      if (mustEnd(parts, error)) continue
      meter.turn('failed')
      if (isTooSlow(error)) parts.pageSizes.shrink(database)
      const concern = await concernOf(parts, error, database)
      await pause(pauseAfter(parts, concern, ++failures), parts.signal)
      parts.queue.done(database, concern === 'all' ? 'more' : 'failed')
    }
  }
}

/** Whom a failure concerns: every database; some, that meet the same lock or load; this one alone. */
type Concern = 'all' | 'some' | 'one'

/**
 * Says what has to be said of a turn that failed. A refusal, or no answer, to a question about one database tells nothing of the
 * others: the server is away only if it does not answer what concerns no database, either.
 */
async function concernOf(parts: Parts, error: unknown, database: string): Promise<Concern> {
  const isOfServer = error instanceof ServerError || error instanceof AnswerTooLarge
  if (isOfServer && !isTooManyRequests(error) && (await isServerThere(parts))) {
    parts.outages.server.over(database)
    parts.troubled.failed(database, error)
    parts.watch.meter.retry('database')
    return 'one'
  }
  const outage = report(parts, error, database)
  if (outage === undefined) parts.troubled.failed(database, error)
  return outage === undefined ? 'one' : outage === parts.outages.batches ? 'some' : 'all'
}

async function isServerThere({ client, signal }: Parts): Promise<boolean> {
  return await updatesCursor(client, signal, PROBE_MS).then(
    () => true,
    () => false,
  )
}

/** A few databases in trouble rest in the queue, and hold up no worker. */
function pauseAfter({ troubled }: Parts, concern: Concern, failures: number): number {
  if (concern === 'all') return delayAfter(failures)
  if (concern === 'some') return failures < FAILURES_IN_A_ROW ? 0 : delayAfter(failures)
  return troubled.areMany ? Math.min(SHORT_PAUSE_MS, delayAfter(failures)) : 0
}

/** Whether nothing but an operator can mend this. No further turn is taken then. */
function mustEnd({ end, queue }: Parts, error: unknown): boolean {
  if (!(error instanceof BridgeError)) return false
  end.reach(error)
  queue.close()
  return true
}

/** Finds databases that another bridge has marked and left, and those that failed here a while ago. */
async function search(parts: Parts): Promise<void> {
  while (!parts.signal.aborted) {
    let mayBeMore = false
    try {
      await lookAtShape(parts.pool)
      if (parts.queue.waiting < SEARCH_LIMIT / 2) {
        const found = await dirtyDatabases(parts.pool, parts.queue.resting(), SEARCH_LIMIT)
        parts.queue.add(shuffled(found))
        mayBeMore = found.length === SEARCH_LIMIT
      }
      await forgetMirrored(parts)
      overAll(parts, SEARCH)
    } catch (error) {
      if (mustEnd(parts, error)) return
      if (!parts.signal.aborted) report(parts, error, SEARCH)
    }
    await pause((mayBeMore ? SEARCH_MS / 10 : SEARCH_MS) * (0.75 + Math.random() / 2), parts.signal)
  }
}

/** A database in trouble that another bridge has mirrored, or that is gone, is in trouble no more. */
async function forgetMirrored({ pool, queue, troubled }: Parts): Promise<void> {
  const { failing } = troubled
  if (failing.length > 0) queue.wake(troubled.keep(await stillDirty(pool, failing)))
}

/** Two bridges that find the same databases begin with different ones. */
function shuffled(databases: readonly string[]): string[] {
  return databases
    .map(database => ({ database, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ database }) => database)
}

/** Says what has to be said of a failure, and what it is an outage of, if it is one. */
function report({ outages, complaints, watch }: Parts, error: unknown, what: string): Outage | undefined {
  const outage = outageOf(outages, error)
  watch.meter.retry(outage === undefined ? 'other' : outage === outages.server ? 'server' : 'postgres')
  if (outage === undefined) complaints.report(error, what)
  else outage.report(error, what)
  return outage
}

function outageOf(outages: Outages, error: unknown): Outage | undefined {
  if (error instanceof ServerError) return isOutage(error) ? outages.server : undefined
  if (isBusy(error)) return outages.batches
  if (error instanceof RebuildUnderWay) return outages.rebuild
  return ['retry', 'operator'].includes(verdictOf(error)) ? outages.postgres : undefined
}

/** What is wrong with the server as a whole, not with one database. */
function isOutage({ status }: ServerError): boolean {
  return status === undefined || status >= 500 || [401, 403, 429].includes(status)
}

function isTooManyRequests(error: Error): boolean {
  return error instanceof ServerError && error.status === 429
}

function overAll({ outages }: Parts, what: string): void {
  for (const outage of Object.values(outages)) outage.over(what)
}
