import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '../store/store.ts'

/** Why the server cannot do its work now; undefined if it can. */
export type Health = () => Promise<string | undefined>

/** Writes that wait this long wait for something that hangs: a commit is a matter of milliseconds. */
const STUCK_MS = 30_000

/** Whoever asks for health is answered soon. A write that takes longer has not succeeded yet. */
const PATIENCE_MS = 2000

/** Anybody may ask for health, so that asking must not be a way to have the disk written. */
const RETRY_MS = 1000

/**
 * Tells whether the store reads and writes. A read is made each time. Of writing the last write tells; after one that failed
 * the disk is tried now and then, because a server that says it is not ready gets no writes any more that could tell better.
 */
export function createHealth(store: Store): Health {
  let trying: Promise<string | undefined> | undefined
  let triedAt = Number.NEGATIVE_INFINITY

  async function tryWrite(): Promise<string | undefined> {
    triedAt = performance.now()
    try {
      await store.tryWrite()
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  }

  return async () => {
    const unreadable = readFailure(store)
    if (unreadable !== undefined) return unreadable
    const { failure, waitedMs } = store.condition()
    if (waitedMs > STUCK_MS) return `No write has been answered for ${Math.round(waitedMs / 1000)} s.`
    if (failure === undefined) return undefined
    if (performance.now() - triedAt > RETRY_MS) trying = tryWrite()
    return await Promise.race([trying, sleep(PATIENCE_MS, failure, { ref: false })])
  }
}

function readFailure(store: Store): string | undefined {
  try {
    store.databaseNames({ limit: 1 })
    return undefined
  } catch (error) {
    return `The store cannot be read: ${messageOf(error)}`
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
