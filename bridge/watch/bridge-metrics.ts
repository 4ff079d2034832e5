import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { OutageOf } from '../outages.ts'
import type { MirrorState } from './mirror-state.ts'

/** A batch that is committed. */
export type Batch = {
  readonly changes: number
  readonly rows: number
  readonly letters: number
  /** When the server took the changes whose way into Postgres is measured, epoch milliseconds; undefined where it does not say. */
  readonly times: readonly (number | undefined)[]
}

/** Told what happens by those who do it; each call is a matter of microseconds. */
export type BridgeMeter = {
  batch(batch: Batch): void
  turn(outcome: 'clean' | 'more' | 'taken' | 'failed'): void
  /** Something is tried again: because this is away, because one database alone is in trouble, or for a reason nobody foresaw. */
  retry(because: 'server' | 'postgres' | 'database' | 'other'): void
}

/** What is asked when somebody reads the metrics: that of which gauges tell. */
export type GaugeSources = {
  readonly version: string
  readonly isReady: () => boolean
  readonly outages: () => Readonly<Record<OutageOf, { readonly isAway: boolean; readonly count: number }>>
  readonly connections: () => Readonly<Record<'used' | 'idle' | 'waited_for', number>>
  readonly waitingDatabases: () => number
  /** Those that fail for reasons of their own. */
  readonly troubledDatabases: () => number
  /** Undefined while it cannot be read. */
  readonly mirror: () => Promise<MirrorState | undefined>
}

export type BridgeMetrics = {
  readonly meter: BridgeMeter
  read(): Promise<{ readonly text: string; readonly contentType: string }>
}

/** From a change at once to one of last week: a bridge that was away for days tells so. */
const LATENCY_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400]

/** The metrics of one bridge. Those of Node are measured from the first time that somebody reads them. */
export function createBridgeMetrics(sources: GaugeSources): BridgeMetrics {
  const registry = new Registry()
  const registers = [registry]
  defineOwnState(registry, sources)
  const mirror = mirrorGauges(registry)
  let isOfNodeRead = false
  return {
    meter: createMeter(registers),
    async read() {
      if (!isOfNodeRead) collectDefaultMetrics({ register: registry })
      isOfNodeRead = true
      mirror.set(await sources.mirror())
      return { text: await registry.metrics(), contentType: registry.contentType }
    },
  }
}

function createMeter(registers: Registry[]): BridgeMeter {
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const changes = counter(
    'divan_mirror_changes_total',
    'Changes that were read and committed as rows or dead letters.',
  )
  const rows = counter('divan_mirror_rows_written_total', 'Rows inserted or replaced.')
  const letters = counter(
    'divan_mirror_dead_letters_total',
    'Dead letters that are new, or of another revision.',
  )
  const batches = counter('divan_mirror_batches_total', 'Transactions of rows and a cursor.')
  const lastBatch = new Gauge({
    name: 'divan_mirror_last_batch_timestamp_seconds',
    help: 'When this bridge last committed a batch; 0 if it has not since it was started.',
    registers,
  })
  const latency = new Histogram({
    name: 'divan_mirror_latency_seconds',
    help: "From a change's commit in the server to that of its row in Postgres, by the clocks of server and bridge.",
    buckets: LATENCY_BUCKETS,
    registers,
  })
  const turns = new Counter({
    name: 'divan_mirror_turns_total',
    help: 'Turns at a database, by how they ended: clean, more, taken by another bridge, failed.',
    labelNames: ['outcome'],
    registers,
  })
  const retries = new Counter({
    name: 'divan_bridge_retries_total',
    help: 'What failed and is tried again: because the server or Postgres is away, because of one database, or for other reasons.',
    labelNames: ['because'],
    registers,
  })
  for (const because of ['server', 'postgres', 'database', 'other']) retries.inc({ because }, 0)
  return {
    batch(batch) {
      const now = Date.now()
      changes.inc(batch.changes)
      rows.inc(batch.rows)
      letters.inc(batch.letters)
      batches.inc()
      lastBatch.set(now / 1000)
      for (const time of batch.times) {
        if (time !== undefined) latency.observe(Math.max(0, now - time) / 1000)
      }
    },
    turn: outcome => turns.inc({ outcome }),
    retry: because => retries.inc({ because }),
  }
}

/** What the process itself knows at any moment. */
function defineOwnState(registry: Registry, sources: GaugeSources): void {
  const registers = [registry]
  new Gauge({
    name: 'divan_bridge_info',
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers,
    collect() {
      this.set({ version: sources.version }, 1)
    },
  })
  new Gauge({
    name: 'divan_bridge_ready',
    help: '1 if /health answers 200.',
    registers,
    collect() {
      this.set(sources.isReady() ? 1 : 0)
    },
  })
  new Gauge({
    name: 'divan_bridge_outage',
    help: '1 while the bridge waits: for the server, for Postgres, for locks or time for single batches, for a rebuild of tables.',
    labelNames: ['of'],
    registers,
    collect() {
      for (const [of, { isAway }] of Object.entries(sources.outages())) this.set({ of }, isAway ? 1 : 0)
    },
  })
  new Counter({
    name: 'divan_bridge_outages_total',
    help: 'How often it had to begin to wait.',
    labelNames: ['of'],
    registers,
    collect() {
      this.reset()
      for (const [of, { count }] of Object.entries(sources.outages())) this.inc({ of }, count)
    },
  })
  new Gauge({
    name: 'divan_bridge_postgres_connections',
    help: 'Connections to Postgres: used, idle, and how many wait for one.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(sources.connections())) this.set({ state }, count)
    },
  })
  new Gauge({
    name: 'divan_bridge_waiting_databases',
    help: 'Databases that wait for a worker of this bridge.',
    registers,
    collect() {
      this.set(sources.waitingDatabases())
    },
  })
  new Gauge({
    name: 'divan_bridge_troubled_databases',
    help: 'Databases that fail again and again here, though the server and Postgres are there; /health names them.',
    registers,
    collect() {
      this.set(sources.troubledDatabases())
    },
  })
}

/**
 * Every database that is written to is behind for some milliseconds. Each that was ever named is a series that Prometheus keeps,
 * and a name is that of a user: only one that does not catch up is worth it.
 */
const NAMED_AFTER_SECONDS = 60

/** What Postgres tells of the mirror. Without an answer the numbers are missing: old ones would look like good ones. */
function mirrorGauges(registry: Registry): { set(state: MirrorState | undefined): void } {
  const registers = [registry]
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge<Label>({ name, help, labelNames, registers })
  const readable = gauge(
    'divan_mirror_readable',
    '1 if Postgres told in time what follows; else it is missing.',
  )
  const databases = gauge('divan_mirror_databases', 'Databases that were ever mirrored.')
  const dirty = gauge('divan_mirror_dirty_databases', 'Databases with changes that are not mirrored.')
  const oldest = gauge(
    'divan_mirror_oldest_lag_seconds',
    'For how long the database is behind that is so longest.',
  )
  const lag = gauge(
    'divan_mirror_lag_seconds',
    'For how long a database is behind. Only of those that are by more than a minute, and only the worst 50.',
    ['database'],
  )
  const letters = gauge('divan_dead_letters', 'Open dead letters by type of document and kind of reason.', [
    'entity',
    'reason',
  ])
  const open = gauge('divan_dead_letters_open', 'All open dead letters.')
  return {
    set(state) {
      for (const plain of [databases, dirty, oldest, open]) plain.remove()
      for (const labelled of [lag, letters]) labelled.reset()
      readable.set(state === undefined ? 0 : 1)
      if (state === undefined) return
      databases.set(state.databases)
      dirty.set(state.dirty)
      oldest.set(state.lagging[0]?.seconds ?? 0)
      for (const { database, seconds } of state.lagging) {
        if (seconds > NAMED_AFTER_SECONDS) lag.set({ database }, seconds)
      }
      for (const { entity, kind, count } of state.letters) letters.set({ entity, reason: kind }, count)
      open.set(state.letters.reduce((sum, { count }) => sum + count, 0))
    },
  }
}
