import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../bridge/postgres/free-port.ts'
import type { Target } from '../client/target.ts'
import type { MeasuredServer } from './measured-server.ts'

/** What compiles TypeScript, if this process runs it as it is: in a test. */
const LOADERS = process.execArgv.filter(argument => argument.includes('/@tapjs/typescript/'))

/** How a server is started in a folder and at a port. */
export type Launch = {
  /** What the client has to know besides. */
  readonly target: Omit<Target, 'host' | 'port' | 'pid' | 'startedInMs'>
  command(
    folder: string,
    port: number,
  ): {
    readonly args: readonly string[]
    readonly environment?: Readonly<Record<string, string>> | undefined
  }
  /** A path that answers as soon as it is up. */
  readonly upPath: string
}

/** Folders and processes that are there now: what an interrupted benchmark has to remove. */
const running = new Set<{ child: ChildProcess; readonly folder: string }>()

/** A Node process with a folder of its own, which is removed with it. */
export async function startChildServer(launch: Launch): Promise<MeasuredServer> {
  const folder = mkdtempSync(join(tmpdir(), 'divan-bench-'))
  chmodSync(folder, 0o755)
  const port = await freePort()
  const spawned = () => spawnIn(launch, folder, port)
  const entry = { child: spawned(), folder }
  running.add(entry)
  const close = async () => {
    await ended(entry.child)
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    running.delete(entry)
  }
  const up = async (): Promise<Target> => {
    const started = performance.now()
    await untilUp(entry.child, `http://127.0.0.1:${port}/${launch.upPath}`)
    const startedInMs = performance.now() - started
    return { ...launch.target, host: '127.0.0.1', port, pid: entry.child.pid, startedInMs }
  }
  const restart = async () => {
    await ended(entry.child)
    entry.child = spawned()
    return await up()
  }
  try {
    return { target: await up(), restart, close }
  } catch (error) {
    await close()
    throw error
  }
}

function spawnIn({ target, command }: Launch, folder: string, port: number): ChildProcess {
  const { args, environment } = command(folder, port)
  // Options of Node are for this process: tap would have every process of a test write what it did.
  const { NODE_OPTIONS: _options, ...inherited } = process.env
  return spawn(process.execPath, [...LOADERS, ...profileOptions(target.name), ...args], {
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

/** Ends what still runs, without asking. */
export function killChildServers(): void {
  for (const { child, folder } of running) {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** `BENCH_PROFILE=<folder>` leaves a CPU profile of each server there. */
function profileOptions(name: string): string[] {
  const folder = process.env.BENCH_PROFILE
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(folder, name)}`]
}

const UP_WITHIN_MS = 60_000
const END_WITHIN_MS = 10_000

async function untilUp(child: ChildProcess, url: string): Promise<void> {
  for (const until = Date.now() + UP_WITHIN_MS; Date.now() < until; await sleep(5)) {
    if (child.exitCode !== null) throw new Error('The server ended while it started')
    const isUp = await fetch(url).then(
      response => response.ok,
      () => false,
    )
    if (isUp) return
  }
  throw new Error(`${url} does not answer`)
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const killing = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS)
  await once(child, 'exit')
  clearTimeout(killing)
}
