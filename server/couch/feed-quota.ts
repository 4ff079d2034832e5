/** A browser has six connections per host, so that a fifth waiting feed leaves its other requests next to none. */
const WAITING_FEEDS_PER_TOKEN = 4
const SURPLUS_TIMEOUT_MS = 2000

/** Counts the waiting feeds of each token, so that those beyond the quota end soon instead of starving its other requests. */
export class FeedQuota {
  readonly #perToken: number
  readonly #surplusTimeoutMs: number
  readonly #waiting = new Map<string, number>()

  constructor(perToken = WAITING_FEEDS_PER_TOKEN, surplusTimeoutMs = SURPLUS_TIMEOUT_MS) {
    this.#perToken = perToken
    this.#surplusTimeoutMs = surplusTimeoutMs
  }

  /** Counts one more feed of this token; call `leave` when it has ended. Returns how long it may wait. */
  enter(token: string, timeoutMs: number | undefined): number | undefined {
    const waiting = (this.#waiting.get(token) ?? 0) + 1
    this.#waiting.set(token, waiting)
    if (waiting <= this.#perToken) return timeoutMs
    return Math.min(timeoutMs ?? this.#surplusTimeoutMs, this.#surplusTimeoutMs)
  }

  leave(token: string): void {
    const waiting = (this.#waiting.get(token) ?? 1) - 1
    if (waiting === 0) this.#waiting.delete(token)
    else this.#waiting.set(token, waiting)
  }
}
