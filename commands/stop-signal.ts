import { constants } from 'node:os'

/** Tells once that the process was asked to stop. */
export type StopSignal = {
  /** Resolves at the first signal. */
  readonly requested: Promise<void>
  isRequested(): boolean
  /** Signals have their usual effect again. */
  release(): void
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Within this time further signals count as the same one: a Ctrl-C under `npm start` comes twice, from the
 * terminal and from npm, which passes its own on.
 */
const SAME_SIGNAL_MS = 700

/**
 * Listens for the signals that ask a process to stop. A second one, from somebody who does not want to wait,
 * calls `force`. While it listens, the process does not end for want of work.
 */
export function listenForStop(force: () => void): StopSignal {
  let firstAt: number | undefined
  let resolveRequested = () => {}
  const requested = new Promise<void>(resolve => {
    resolveRequested = resolve
  })
  const onSignal = () => {
    const now = performance.now()
    if (firstAt === undefined) {
      firstAt = now
      resolveRequested()
    } else if (now - firstAt > SAME_SIGNAL_MS) force()
  }
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)
  const keepAlive = setInterval(() => {}, 2 ** 30)
  return {
    requested,
    isRequested: () => firstAt !== undefined,
    release() {
      clearInterval(keepAlive)
      for (const signal of STOP_SIGNALS) process.off(signal, onSignal)
    },
  }
}

/**
 * For what may end anywhere: such a signal ends the process at once, with the exit code that a shell gives it.
 * Left to itself a signal would skip the listeners of `exit`. Call the answer to have it so again.
 */
export function exitAtSignal(onExit: () => void): () => void {
  const exit = (signal: NodeJS.Signals) => {
    onExit()
    process.exit(128 + constants.signals[signal])
  }
  for (const signal of STOP_SIGNALS) process.on(signal, exit)
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, exit)
  }
}

/**
 * For work that no JavaScript can stop, as one long statement of SQLite's is: such a signal calls `onEnd` and then ends the process
 * as if nobody had listened. `process.exit` would wait for the work. Call the answer to have it so again.
 */
export function dieAtSignal(onEnd: () => void): () => void {
  const release = () => {
    for (const signal of STOP_SIGNALS) process.off(signal, die)
  }
  const die = (signal: NodeJS.Signals) => {
    onEnd()
    release()
    process.kill(process.pid, signal)
  }
  for (const signal of STOP_SIGNALS) process.on(signal, die)
  return release
}
