import type { Caller } from '../../auth/caller.ts'
import type { Out } from '../../http/route.ts'

/**
 * What every live feed answers with besides: a proxy must pass each line on at once. Those that compress hold lines
 * back until a block is full, unless they are told not to transform anything.
 */
export const LIVE_HEADERS = { 'X-Accel-Buffering': 'no', 'Cache-Control': 'no-store, no-transform' } as const

/** The longest delay a timer of Node can hold; above it, it would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** A heartbeat only has to be shorter than a proxy's patience; faster ones would be a way to burn our time. */
const MIN_HEARTBEAT_MS = 100

/** How a wait ended: something changed; nothing did for `timeoutMs`; or the feed has to write its last line now. */
export type Waited = 'change' | 'timeout' | 'ended'

/**
 * The waiting of one live feed, from its first byte to its last line. One implementation, because each of its
 * promises has wedged a client somewhere:
 * - a heartbeat newline whenever nothing was written for `heartbeatMs`, from the start, also while a filter passes
 *   over rows without a hit. So a feed hands `out` whole JSON tokens, or writes `withoutHeartbeats`;
 * - no change is missed that comes between reading the feed's end and waiting;
 * - a token that runs out and a server that closes end the feed in order: `next()` says `ended`, and the feed still
 *   can and must write its valid last line;
 * - a waiting feed holds a callback and timers, nothing of the store.
 */
export type LiveWait = {
  /** Where the feed writes. A write puts the next heartbeat off. */
  readonly out: Out
  /** Resolves with `change` at once if something changed since `next` last resolved (at first: since the start). */
  next(): Promise<Waited>
  /** Holds heartbeats back while a row goes out in pieces: a newline between two of them would stand within a text. */
  withoutHeartbeats(write: () => Promise<void>): Promise<void>
  /** True once `next()` would say `ended`: for a feed that is busy with many pages and does not wait. */
  hasEnded(): boolean
  /** Ends timers and callback. Call it in a `finally`. */
  close(): void
}

export type LiveWaitOptions = {
  /** `database.onChange` or `store.onDbUpdate`, bound. Absent for what waits for no change. */
  readonly subscribe?: ((listener: () => void) => () => void) | undefined
  readonly out: Out
  /** Undefined: no heartbeats. */
  readonly heartbeatMs?: number | undefined
  /** How long one `next()` waits. Undefined: for ever. */
  readonly timeoutMs?: number | undefined
  /** The call's: it aborts when the client is gone or the server closes. */
  readonly signal: AbortSignal
  /** Epoch milliseconds: see `expiryOf`. */
  readonly expiresAt?: number | undefined
}

/** When a caller's feeds have to end: when his token does. */
export function expiryOf(caller: Caller): number | undefined {
  return caller.kind === 'user' ? caller.expiresAt : undefined
}

/** Starts the waiting. Read the feed after this, not before: what changes from here on wakes `next()`. */
export function startLiveWait(options: LiveWaitOptions): LiveWait {
  const { signal, timeoutMs } = options
  let changed = false
  let wake: ((waited: Waited) => void) | undefined
  const hasEnded = () => signal.aborted || Date.now() >= (options.expiresAt ?? Number.POSITIVE_INFINITY)
  const onEnd = () => wake?.('ended')

  const unsubscribe = options.subscribe?.(() => {
    changed = true
    wake?.('change')
  })
  const heart = startHeart(options.out, options.heartbeatMs)
  const stopExpiry = at(options.expiresAt, onEnd)
  signal.addEventListener('abort', onEnd)

  return {
    out: heart.out,
    withoutHeartbeats: heart.hold,
    hasEnded,
    async next() {
      const waited = hasEnded() ? 'ended' : changed ? 'change' : await sleep()
      if (waited === 'change') changed = false
      return waited
    },
    close() {
      unsubscribe?.()
      heart.stop()
      stopExpiry()
      signal.removeEventListener('abort', onEnd)
      wake?.('ended')
    },
  }

  async function sleep(): Promise<Waited> {
    const stopTimeout = at(timeoutMs === undefined ? undefined : Date.now() + timeoutMs, () =>
      wake?.('timeout'),
    )
    try {
      return await new Promise<Waited>(resolve => {
        wake = resolve
      })
    } finally {
      wake = undefined
      stopTimeout()
    }
  }
}

type Heart = {
  readonly out: Out
  hold(write: () => Promise<void>): Promise<void>
  stop(): void
}

/** Writes a newline whenever nothing else was written for as long. */
function startHeart(out: Out, heartbeatMs: number | undefined): Heart {
  if (heartbeatMs === undefined) return { out, hold: write => write(), stop() {} }
  let held = false
  // A newline that waits for the socket to drain would queue up behind a client that does not read.
  let draining = false
  const beat = () => {
    timer.refresh()
    if (!draining && !held) write('\n')?.catch(() => {})
  }
  const write = (chunk: string | Uint8Array) => {
    const drained = out.write(chunk)
    if (drained === undefined) return undefined
    draining = true
    return drained.finally(() => {
      draining = false
      timer.refresh()
    })
  }
  const timer = setTimeout(beat, Math.min(Math.max(heartbeatMs, MIN_HEARTBEAT_MS), MAX_TIMER_MS))
  return {
    out: {
      signal: out.signal,
      write(chunk) {
        timer.refresh()
        return write(chunk)
      },
      room: () => out.room?.(),
    },
    async hold(write) {
      held = true
      try {
        await write()
      } finally {
        held = false
      }
    },
    stop: () => clearTimeout(timer),
  }
}

/** Calls back at a time, however far off; never for undefined. Returns how to stop. */
function at(time: number | undefined, callback: () => void): () => void {
  if (time === undefined) return () => {}
  let timer: NodeJS.Timeout
  // Node's timers may fire a fraction of a millisecond early: who is called must find that the time has come.
  const look = () => {
    const ms = time - Date.now()
    if (ms > 0) arm(ms)
    else callback()
  }
  const arm = (ms: number) => {
    timer = setTimeout(look, Math.min(Math.max(ms, 0), MAX_TIMER_MS))
  }
  arm(time - Date.now())
  return () => clearTimeout(timer)
}
