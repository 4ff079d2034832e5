import type pg from 'pg'
import type { Logger } from 'pino'
import { type Outages, ofEach } from '../outages.ts'
import type { TroubledDatabases } from '../troubled-databases.ts'
import type { WorkQueue } from '../work-queue.ts'
import { bridgeHealth, type Phase } from './bridge-health.ts'
import { type BridgeMeter, createBridgeMetrics, type GaugeSources } from './bridge-metrics.ts'
import { FreshMirrorState } from './fresh-mirror-state.ts'
import { readMirrorState } from './mirror-state.ts'
import { startWatchServer, type WatchAddress, type WatchServer } from './watch-server.ts'

export type WatchOptions = WatchAddress & {
  /** Of the program, for the metrics. */
  readonly version: string
  /** Told where it listens. */
  readonly listening?: ((url: string) => void) | undefined
}

/** The parts of a bridge that are watched. */
export type WatchedParts = {
  readonly pool: pg.Pool
  readonly queue: WorkQueue
  readonly outages: Outages
  readonly troubled: TroubledDatabases
  readonly log: Logger
}

/** What a bridge tells of itself. */
export type Watch = {
  readonly meter: BridgeMeter
  /** Answers `/health` and `/metrics` from now on, if it is to answer at all. */
  listen(): Promise<void>
  /** A bridge is `preparing` until it says something else. */
  enter(phase: Phase): void
  close(): Promise<void>
}

/** Makes the watch of a bridge; it counts from now on, also where nobody may ask. */
export function createWatch(options: WatchOptions | undefined, parts: WatchedParts): Watch {
  let phase: Phase = 'preparing'
  let server: WatchServer | undefined
  const { outages, troubled, log } = parts
  const health = () =>
    bridgeHealth(
      phase,
      ofEach(outages, ({ away }) => away),
      troubled.list,
    )
  const metrics = createBridgeMetrics(sourcesOf(parts, options?.version ?? 'unknown', () => health().isReady))
  return {
    meter: metrics.meter,
    async listen() {
      if (options === undefined) return
      server = await startWatchServer(options, { health, metrics: () => metrics.read() })
      log.info(`health and metrics are at ${server.url}/health and ${server.url}/metrics`)
      options.listening?.(server.url)
    },
    enter(next) {
      phase = next
    },
    close: async () => server?.close(),
  }
}

function sourcesOf(
  { pool, queue, outages, troubled }: WatchedParts,
  version: string,
  isReady: () => boolean,
): GaugeSources {
  const mirror = new FreshMirrorState(() => readMirrorState(pool))
  return {
    version,
    isReady,
    outages: () => ofEach(outages, ({ away, count }) => ({ isAway: away !== undefined, count })),
    connections: () => ({
      used: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waited_for: pool.waitingCount,
    }),
    waitingDatabases: () => queue.waiting,
    troubledDatabases: () => troubled.list.length,
    // Nobody waits for a Postgres that is known to be away.
    mirror: async () => (outages.postgres.away === undefined ? await mirror.read() : undefined),
  }
}
