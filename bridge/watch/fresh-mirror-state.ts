import { setTimeout as sleep } from 'node:timers/promises'
import type { MirrorState } from './mirror-state.ts'

/** How old an answer may be: several Prometheus side by side cost one query. */
const FRESH_MS = 2000

/** How long one who asks waits for Postgres. It is shorter than the ten seconds after which Prometheus gives up. */
const PATIENCE_MS = 2500

/**
 * Reads the mirror's state for whoever asks, at most once in two seconds and never twice at a time. Who asks is answered soon,
 * also while Postgres is away or all connections are taken: then with undefined.
 */
export class FreshMirrorState {
  readonly #read: () => Promise<MirrorState | undefined>
  #reading: Promise<MirrorState | undefined> | undefined
  #freshUntil = 0

  constructor(read: () => Promise<MirrorState | undefined>) {
    this.#read = read
  }

  async read(): Promise<MirrorState | undefined> {
    if (this.#reading === undefined || Date.now() > this.#freshUntil) this.#reading = this.#start()
    return await Promise.race([this.#reading, sleep(PATIENCE_MS, undefined, { ref: false })])
  }

  async #start(): Promise<MirrorState | undefined> {
    this.#freshUntil = Number.POSITIVE_INFINITY
    const state = await this.#read().catch(() => undefined)
    // What failed is asked for again at once.
    this.#freshUntil = state === undefined ? 0 : Date.now() + FRESH_MS
    return state
  }
}
