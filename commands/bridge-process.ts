import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackOff } from './back-off.ts'
import { readableLogLine } from './log-line.ts'
import type { Environment } from './settings.ts'

/** The bridge in a process of its own, started again whenever it ends. */
export type BridgeProcess = {
  /** Resolves when it first follows the server. */
  readonly ready: Promise<void>
  /** Ends it, and starts it anew with the environment of that moment. */
  restart(): void
  /** Lets it finish what it is doing; ends it by force when that takes too long. */
  close(): Promise<void>
  /** Ends it at once. */
  kill(): void
}

export type BridgeProcessOptions = {
  /** The file that holds the command line. */
  readonly program: string
  /** Asked before each start. */
  environment(): Environment
  warn(line: string): void
  /** Told, after each start, where it answers `/health` and `/metrics`. */
  watched(url: string): void
  /** A person watches: the bridge's log is made readable. Else it stays JSON, for whatever collects it. */
  readonly isWatched: boolean
}

/** What the bridge's process says when it follows the server. */
export const BRIDGE_READY = 'ready'

/** What it says over the channel. */
export type BridgeMessage = typeof BRIDGE_READY | { readonly watchUrl: string }

const STDERR = 2

/** A batch is one transaction of some seconds at most; one that is cut off is done again later. */
const CLOSE_MS = 10_000

/**
 * Starts the bridge and keeps it running. The two processes are joined by a channel: when this one ends, even
 * by `kill -9`, the other sees it close and ends too.
 */
export function startBridgeProcess(options: BridgeProcessOptions): BridgeProcess {
  const closing = new AbortController()
  const backOff = new BackOff()
  let child: ChildProcess | undefined
  let onReady = () => {}
  const ready = new Promise<void>(resolve => {
    onReady = resolve
  })
  const keepRunning = async () => {
    while (!closing.signal.aborted) {
      const startedAt = performance.now()
      child = spawnBridge(options, onReady)
      const end = await endOf(child)
      if (closing.signal.aborted) return
      const delayMs = backOff.nextDelayMs(performance.now() - startedAt)
      options.warn(`divan: the bridge ended (${end}); it is started again in ${delayMs / 1000} s`)
      await sleep(delayMs, undefined, { signal: closing.signal }).catch(() => {})
    }
  }
  const done = keepRunning()
  const kill = () => void child?.kill('SIGKILL')
  return {
    ready,
    restart: () => void child?.kill('SIGTERM'),
    kill,
    async close() {
      closing.abort()
      if (child?.connected) child.disconnect()
      const timer = setTimeout(kill, CLOSE_MS)
      await done
      clearTimeout(timer)
    },
  }
}

function spawnBridge(options: BridgeProcessOptions, onReady: () => void): ChildProcess {
  const { program, environment, isWatched } = options
  // Its log goes to stderr: stdout is for what `start` tells a person.
  const output = isWatched ? 'pipe' : STDERR
  const child = spawn(process.execPath, [...process.execArgv, program, 'bridge'], {
    env: { ...environment() },
    stdio: ['ignore', output, output, 'ipc'],
  })
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface(stream).on('line', line => options.warn(readableLogLine(line)))
  child.on('message', (message: BridgeMessage) => {
    if (message === BRIDGE_READY) onReady()
    else options.watched(message.watchUrl)
  })
  return child
}

/** How the process ended, in words. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
}
