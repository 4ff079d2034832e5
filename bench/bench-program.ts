import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startEmbeddedPostgres } from '../bridge/postgres/embedded-postgres.ts'
import { freePort } from '../bridge/postgres/free-port.ts'
import { cpuMsOf, type Held, heldBy as heldByProcess } from './rows/process-cost.ts'

/** A server and a durable Postgres, each in processes of their own, and bridges between them. */
export type BenchProgram = {
  readonly url: string
  readonly databaseUrl: string
  /** The process ids of the server and of Postgres. */
  readonly serverPid: number
  readonly postgresPid: number
  /** A request of the admin. The parsed answer; throws for an error's status. */
  request(method: string, path: string, body?: unknown): Promise<unknown>
  /** A bridge from now on; its process id. */
  startBridge(): Promise<number>
  stopBridge(): Promise<void>
  close(): Promise<void>
}

const PASSWORD = 'password'
/** Where Postgres says which process it is, in the folder of the embedded one. */
const POSTMASTER_PID = 'cluster/data/postmaster.pid'
/** The file beside this one's folder that `npx divan` runs. */
const DIVAN = join(import.meta.dirname, '..', 'divan.js')

export async function startBenchProgram(): Promise<BenchProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'divan-bench-'))
  chmodSync(folder, 0o755)
  // An interrupted benchmark leaves nothing behind, also while it starts.
  const interrupted = () => void closeAll().finally(() => process.exit(1))
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  /** What there is by now, to be closed from the last to the first. */
  const closers = [
    async () => void process.off('SIGINT', interrupted).off('SIGTERM', interrupted),
    async () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }),
  ]
  const closeAll = async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
  }
  try {
    return await startIn(folder, closers, closeAll)
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function startIn(
  folder: string,
  closers: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<BenchProgram> {
  const postgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres') })
  closers.push(() => postgres.close())
  const [port, watchPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const environment = {
    ...process.env,
    DIVAN_DATA: join(folder, 'data'),
    DIVAN_PORT: String(port),
    DIVAN_BRIDGE_PORT: String(watchPort),
    DIVAN_ADMIN_PASSWORD: PASSWORD,
    DIVAN_LOG_LEVEL: 'error',
    DIVAN_SERVER_URL: `http://admin:${PASSWORD}@127.0.0.1:${port}`,
    DATABASE_URL: postgres.url,
  }
  const run = (part: string, ...options: readonly string[]) =>
    spawn(process.execPath, [...options, DIVAN, part], {
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  const server = run('server')
  closers.push(() => ended(server, 'SIGTERM'))
  let bridge: ChildProcess | undefined
  const stopBridge = async () => {
    if (bridge !== undefined) await ended(bridge, 'SIGTERM')
    bridge = undefined
  }
  closers.push(stopBridge)
  await untilUp(`${url}/_up`, server)
  return {
    url,
    databaseUrl: postgres.url,
    serverPid: server.pid ?? 0,
    postgresPid: Number.parseInt(readFileSync(join(folder, 'postgres', POSTMASTER_PID), 'utf8'), 10),
    request: requestsOf(url),
    async startBridge() {
      bridge = run('bridge', ...profileOptions())
      await untilUp(`http://127.0.0.1:${watchPort}/health`, bridge)
      return bridge.pid ?? 0
    },
    stopBridge,
    close,
  }
}

/** `BENCH_PROFILE=<folder>` leaves a CPU profile of each bridge there. */
function profileOptions(): string[] {
  const folder = process.env.BENCH_PROFILE
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`]
}

const UP_WITHIN_MS = 60_000

async function untilUp(url: string, child: ChildProcess): Promise<void> {
  for (const until = Date.now() + UP_WITHIN_MS; Date.now() < until; await sleep(5)) {
    if (child.exitCode !== null) throw new Error('It ended while it started')
    const isUp = await fetch(url).then(
      response => response.ok,
      () => false,
    )
    if (isUp) return
  }
  throw new Error(`${url} does not answer`)
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

function requestsOf(url: string): BenchProgram['request'] {
  const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
  const headers = { authorization, accept: 'application/json', 'content-type': 'application/json' }
  return async (method, path, body) => {
    const response = await fetch(`${url}/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  }
}

/** What a process holds now; NaN where the system does not say. */
export function heldBy(pid: number): Held {
  return heldByProcess(pid) ?? { residentMb: Number.NaN, descriptors: Number.NaN }
}

/** The processor time that a process has used, in milliseconds; NaN where the system does not say. */
export function cpuMs(pid: number): number {
  return cpuMsOf(pid) ?? Number.NaN
}

/** Does `work` for each of the items, so many at once. */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  const worker = async () => {
    for (let item = rest.next(); item.done !== true; item = rest.next()) await work(item.value)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** One connection to the Postgres, until `work` ends. */
export async function connected<T>(url: string, work: (sql: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'divan-bench' })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
