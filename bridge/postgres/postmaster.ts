import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterFiles } from './cluster.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { giveFiles, type PostgresAccount, spawnAs } from './postgres-account.ts'
import { lastLogLine, logTail, rotateLog } from './postgres-log.ts'
import { isAlive, isPostmaster, readPostmasterPid } from './postmaster-pid.ts'

/** A running Postgres of this folder: started by us, or met. */
export type Postmaster = { readonly pid: number; readonly port: number }

/** Why a start failed, where there is something better to do than to give up. */
export type StartFailure = 'port taken' | 'already running' | 'shared memory in use' | 'other'

/** Postgres ended before it was ready. */
export class PostmasterStartError extends EmbeddedPostgresError {
  readonly failure: StartFailure
  constructor(failure: StartFailure, message: string) {
    super(message)
    this.failure = failure
  }
}

const POLL_MS = 25
const END_POLL_MS = 500

/** After this long a fast shutdown (SIGINT) becomes an immediate one (SIGQUIT): no data is lost, the next start recovers. */
const FAST_SHUTDOWN_MS = 10_000

/** An immediate shutdown kills what does not end within 5 s, so this is never reached. */
const IMMEDIATE_SHUTDOWN_MS = 15_000

/** Small: the mirror is one writer of one application, on a machine that does other things. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '64MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // A refused statement may hold a user's document, which has no place in a log.
  log_min_error_statement: 'panic',
}

/**
 * Tests only: a crash of the machine destroys the cluster, one of Postgres does not. (synchronous_commit stays on:
 * without it a kill -9 of Postgres loses what was committed in the last moments.)
 */
const FAST_SETTINGS = { fsync: 'off', full_page_writes: 'off' }

/**
 * Starts Postgres and waits until it is ready. It gets a session of its own (detached), so that a Ctrl-C in the
 * terminal reaches only us: we end it last, when the bridge is done with it.
 */
export async function startPostmaster(
  files: ClusterFiles,
  command: readonly string[],
  account: PostgresAccount,
): Promise<Postmaster> {
  removeForeignPid(files.data)
  rotateLog(files.log)
  const log = openSync(files.log, 'a', 0o600)
  giveFiles(files.log, account)
  const child = spawnAs(account, command, { cwd: files.folder, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  child.unref()
  return await ready(child, files)
}

/** The command line; `isPostmaster` recognizes it by its `-D`. */
export function postmasterCommand(
  postgres: string,
  files: ClusterFiles,
  { port, fast }: { readonly port: number; readonly fast: boolean },
): string[] {
  const settings = Object.entries({ ...SETTINGS, ...(fast ? FAST_SETTINGS : {}) })
  const options = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return [postgres, '-D', files.data, '-p', String(port), ...options]
}

/** The Postgres that runs on these files already, once it is ready; undefined when there is none or it is ending. */
export async function runningPostmaster(files: ClusterFiles): Promise<Postmaster | undefined> {
  for (;;) {
    const found = readPostmasterPid(files.data)
    if (!found || !isPostmaster(found.pid, files.data)) return undefined
    if (found.status === 'ready') return { pid: found.pid, port: found.port }
    await sleep(POLL_MS)
  }
}

/** Ends Postgres and returns when it has ended: fast shutdown, and an immediate one when that hangs. */
export async function stopPostmaster(pid: number, data: string): Promise<void> {
  if (await endsAfter('SIGINT', pid, data, FAST_SHUTDOWN_MS)) return
  if (await endsAfter('SIGQUIT', pid, data, IMMEDIATE_SHUTDOWN_MS)) return
  throw new EmbeddedPostgresError(`The embedded Postgres (process ${pid}) does not end`)
}

/** Resolves when Postgres has ended, for whatever reason, or when the signal says so. */
export async function postmasterEnd(pid: number, data: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isPostmaster(pid, data)) {
    await sleep(END_POLL_MS, undefined, { signal }).catch(() => {})
  }
}

async function endsAfter(
  signal: NodeJS.Signals,
  pid: number,
  data: string,
  waitMs: number,
): Promise<boolean> {
  if (!isPostmaster(pid, data)) return true
  sendSignal(pid, signal)
  for (const until = Date.now() + waitMs; Date.now() < until; ) {
    await sleep(POLL_MS)
    if (!isPostmaster(pid, data)) return true
  }
  return false
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (isAlive(pid)) throw error
  }
}

async function ready(child: ChildProcess, files: ClusterFiles): Promise<Postmaster> {
  let spawnError: Error | undefined
  child.once('error', error => {
    spawnError = error
  })
  while (spawnError === undefined && child.exitCode === null && child.signalCode === null) {
    const found = readPostmasterPid(files.data)
    if (found?.pid === child.pid && found?.status === 'ready') {
      return { pid: found.pid, port: found.port }
    }
    await sleep(POLL_MS)
  }
  throw startError(files.log, spawnError)
}

function startError(log: string, spawnError: Error | undefined): PostmasterStartError {
  const reason = spawnError?.message ?? lastLogLine(log)
  const message = `The embedded Postgres did not start: ${reason} (its log: ${log})`
  return new PostmasterStartError(startFailure(logTail(log)), message)
}

function startFailure(log: string): StartFailure {
  if (log.includes('Address already in use')) return 'port taken'
  if (log.includes('"postmaster.pid" already exists')) return 'already running'
  if (log.includes('pre-existing shared memory block')) return 'shared memory in use'
  return 'other'
}

/** Postgres itself clears the file of a dead process, but takes any live one for a Postgres and refuses to start. */
function removeForeignPid(data: string): void {
  const found = readPostmasterPid(data)
  if (found && isAlive(found.pid) && !isPostmaster(found.pid, data)) rmSync(join(data, 'postmaster.pid'))
}
