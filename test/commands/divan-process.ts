import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { PROJECT_FOLDER } from '../fixtures/project-folder.ts'

/** The built program, as users run it: the command line is tested with real processes. */
export const PROGRAM = join(PROJECT_FOLDER, 'dist/divan.js')

export type Environment = Record<string, string>

export type Ended = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs. */
export type DivanProcess = {
  readonly pid: number
  readonly ended: Promise<Ended>
  /** What it has written so far, to both. */
  output(): string
  stdout(): string
  kill(signal: NodeJS.Signals): void
}

/** The one user of the tests who may do nothing, where the tests run as root. */
export const NOBODY = 65534

export type SpawnUser = { readonly uid?: number; readonly gid?: number }

/** Starts a command; it is ended, with all it has started, when the test ends. */
export function spawnDivan(
  t: Test,
  words: readonly string[],
  environment: Environment = {},
  user: SpawnUser = {},
): DivanProcess {
  return spawnProgram(t, [process.execPath, PROGRAM, ...words], { environment, cwd: tmpdir(), ...user })
}

type SpawnOptions = SpawnUser & { readonly environment: Environment; readonly cwd: string }

function spawnProgram(
  t: Test,
  command: readonly string[],
  { environment, ...options }: SpawnOptions,
): DivanProcess {
  // tap puts its loaders into the NODE_OPTIONS of every child; users have none of them.
  const child = spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', ...command], {
    env: { PATH: process.env.PATH ?? '', DIVAN_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  })
  const pid = child.pid ?? 0
  const { stdout, stderr, ended } = collect(child)
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
  })
  return {
    pid,
    ended,
    stdout,
    output: () => stdout() + stderr(),
    kill: signal => void process.kill(pid, signal),
  }
}

function collect(child: ChildProcess) {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return { stdout: () => stdout, stderr: () => stderr, ended }
}

/** Runs a command to its end. */
export async function runDivan(
  t: Test,
  words: readonly string[],
  environment: Environment = {},
): Promise<Ended> {
  return await spawnDivan(t, words, environment).ended
}

/** A `divan start` that has said what it has to say. */
export type Started = DivanProcess & {
  /** What stands behind a name in its first lines. */
  said(name: string): string
  readonly url: string
  readonly databaseUrl: string
  /** Its bridge, by process id. */
  bridgePid(): number
  /** Every process that came of it, itself included. */
  pids(): readonly number[]
}

/** Starts everything on this data folder and waits until it runs. */
export async function startDivan(
  t: Test,
  dataFolder: string,
  environment: Environment = {},
  user: SpawnUser = {},
): Promise<Started> {
  return await started(spawnDivan(t, ['start'], { DIVAN_DATA: dataFolder, ...environment }, user))
}

/** The same by `npm start`, whose process id it has; what is built is not built again. */
export async function npmStart(t: Test, dataFolder: string): Promise<Started> {
  const cwd = PROJECT_FOLDER
  const environment = { DIVAN_DATA: dataFolder }
  return await started(spawnProgram(t, ['npm', 'start', '--ignore-scripts'], { environment, cwd }))
}

async function started(divan: DivanProcess): Promise<Started> {
  const firstLines = eventually(() => divan.stdout().includes('Next:'), 'the first lines', 60_000)
  await Promise.race([firstLines, divan.ended])
  if (!divan.stdout().includes('Next:')) throw new Error(`start ended: ${divan.output()}`)
  const said = (name: string) => new RegExp(`^ {2}${name} +(\\S+)`, 'm').exec(divan.stdout())?.[1] ?? ''
  return {
    ...divan,
    said,
    url: said('Server'),
    databaseUrl: said('Postgres'),
    bridgePid: () => descendantsOf(divan.pid).find(({ args }) => args.endsWith('divan.js bridge '))?.pid ?? 0,
    pids: () => [divan.pid, ...descendantsOf(divan.pid).map(({ pid }) => pid)],
  }
}

/** A data folder that does not exist yet, in a folder that is gone after the test. Every user may go into it. */
export async function newDataFolder(t: Test): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'divan-data-'))
  await chmod(parent, 0o755)
  t.teardown(() => rm(parent, { recursive: true, force: true }))
  return join(parent, 'data')
}

/** The process id of a data folder's Postgres. */
export function postgresPid(dataFolder: string): number {
  return Number(readFileSync(join(dataFolder, 'postgres/cluster/data/postmaster.pid'), 'utf8').split('\n')[0])
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch {
    return false
  }
}

type Process = { readonly pid: number; readonly parent: number; readonly args: string }

/** Where /proc is not to be had, nothing is known of processes but whether they live. */
function descendantsOf(pid: number): readonly Process[] {
  if (!existsSync('/proc')) return []
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => readProcess(Number(name)))
  const below = (parent: number): readonly Process[] =>
    all.filter(child => child.parent === parent).flatMap(child => [child, ...below(child.pid)])
  return below(pid)
}

function readProcess(pid: number): readonly Process[] {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    return [{ pid, parent: Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]), args }]
  } catch {
    return []
  }
}

function isZombie(pid: number): boolean {
  if (!existsSync('/proc')) return false
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return status.slice(status.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    return false
  }
}
