import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Answered } from '../http/request-meter.ts'
import type { Store, StoreCondition } from '../store/store.ts'

export type ServerMetrics = {
  /** Counts a request; about a microsecond. */
  answered(answered: Answered): void
  read(): Promise<{ readonly text: string; readonly contentType: string }>
}

/** What is asked when somebody reads the metrics. */
export type MetricsSources = {
  readonly store: Pick<Store, 'condition'>
  readonly openCalls: () => number
  readonly version: string
}

/** From a read in memory to a feed that waits a minute. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

/** Other methods share a label: a client makes up what it likes. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])

/** The metrics of one server. Those of Node are measured from the first time that somebody reads them. */
export function createServerMetrics({ store, openCalls, version }: MetricsSources): ServerMetrics {
  const registry = new Registry()
  const answered = requestMetrics(registry)
  defineInfo(registry, version)
  defineGauge(registry, openCalls, {
    name: 'divan_http_open_requests',
    help: 'Requests that are not answered to their end, waiting feeds included.',
  })
  const setStore = storeMetrics(registry)
  let isOfNodeRead = false
  return {
    answered,
    async read() {
      if (!isOfNodeRead) collectDefaultMetrics({ register: registry })
      isOfNodeRead = true
      setStore(store.condition())
      return { text: await registry.metrics(), contentType: registry.contentType }
    },
  }
}

function requestMetrics(registry: Registry): ServerMetrics['answered'] {
  const registers = [registry]
  const requests = new Counter({
    name: 'divan_http_requests_total',
    help: 'Requests by method, route and class of status; cut: the client went away before the end.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'divan_http_request_duration_seconds',
    help: 'From the headers of a request to the end of its answer. Live feeds wait, and count too.',
    labelNames: ['method', 'route'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  return ({ method, route = 'none', status, seconds }) => {
    const known = METHODS.has(method) ? method : 'other'
    requests.inc({
      method: known,
      route,
      status: status === 'cut' ? status : `${Math.floor(status / 100)}xx`,
    })
    durations.observe({ method: known, route }, seconds)
  }
}

function defineInfo(registry: Registry, version: string): void {
  const info = new Gauge({
    name: 'divan_server_info',
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers: [registry],
  })
  info.set({ version }, 1)
}

type About = { readonly name: string; readonly help: string }

function defineGauge(registry: Registry, value: () => number, about: About): void {
  new Gauge({
    ...about,
    registers: [registry],
    collect() {
      this.set(value())
    },
  })
}

/** Asked for once for all of them, so that they show one moment. */
function storeMetrics(registry: Registry): (condition: StoreCondition) => void {
  const registers = [registry]
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const failing = gauge(
    'divan_store_failing',
    '1 if the last write met a full disk or a store that is broken.',
  )
  const waiting = gauge('divan_store_waiting_writes', 'Writes that are accepted and not on disk yet.')
  const feeds = gauge('divan_live_feeds', 'Feeds that wait for changes.')
  const file = gauge('divan_store_file_bytes', "The store's file and its log.")
  const free = gauge('divan_store_free_bytes', "What the disk of the store's file still has for it.")
  const commits = counter('divan_store_commits_total', 'Commits; each holds all writes that waited.')
  const took = counter(
    'divan_store_commit_seconds_total',
    'What all commits took together, the fsync included.',
  )
  return condition => {
    failing.set(condition.failure === undefined ? 0 : 1)
    waiting.set(condition.waitingWrites)
    feeds.set(condition.listeners)
    file.set(condition.fileBytes)
    free.set(condition.freeBytes)
    for (const of of [commits, took]) of.reset()
    commits.inc(condition.commits)
    took.inc(condition.commitMs / 1000)
  }
}
