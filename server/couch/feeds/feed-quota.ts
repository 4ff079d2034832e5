/** A browser has six connections per host, so that a fifth live feed leaves its other requests next to none. */
const FEEDS_PER_TOKEN = 4
/** How long a feed beyond the quota lives. */
const SURPLUS_FEED_MS = 2000

/**
 * Counts the live feeds of each token, so that those beyond the quota end soon instead of starving its other requests. All of such a
 * feed's life is bounded, not how long it waits for one change: a type database wakes at each change of another, and where others write
 * all the time it would never end.
 */
export class FeedQuota {
  readonly #perToken: number
  readonly #surplusMs: number
  readonly #open = new Map<string, number>()

  constructor(perToken = FEEDS_PER_TOKEN, surplusMs = SURPLUS_FEED_MS) {
    this.#perToken = perToken
    this.#surplusMs = surplusMs
  }

  /** Counts one more feed of this token; call `leave` when it has ended. Returns how long it may live; undefined: as long as it likes. */
  enter(token: string): number | undefined {
    const open = (this.#open.get(token) ?? 0) + 1
    this.#open.set(token, open)
    return open <= this.#perToken ? undefined : this.#surplusMs
  }

  leave(token: string): void {
    const open = (this.#open.get(token) ?? 1) - 1
    if (open === 0) this.#open.delete(token)
    else this.#open.set(token, open)
  }
}
