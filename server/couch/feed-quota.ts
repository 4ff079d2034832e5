/** A browser has six connections per host, so that a fifth waiting feed leaves its other requests next to none. */
export const WAITING_FEEDS_PER_TOKEN = 4
const SURPLUS_TIMEOUT_MS = 2000

/** Counts the waiting feeds of each user, so that those beyond the quota end soon instead of starving his other requests. */
export class FeedQuota {
  readonly #perUser: number
  readonly #surplusTimeoutMs: number
  readonly #waiting = new Map<string, number>()

  constructor(perUser = WAITING_FEEDS_PER_TOKEN, surplusTimeoutMs = SURPLUS_TIMEOUT_MS) {
    this.#perUser = perUser
    this.#surplusTimeoutMs = surplusTimeoutMs
  }

  /** Counts one more feed of this user; call `leave` when it has ended. Returns how long it may wait. */
  enter(user: string, timeoutMs: number | undefined): number | undefined {
    const waiting = (this.#waiting.get(user) ?? 0) + 1
    this.#waiting.set(user, waiting)
    if (waiting <= this.#perUser) return timeoutMs
    return Math.min(timeoutMs ?? this.#surplusTimeoutMs, this.#surplusTimeoutMs)
  }

  leave(user: string): void {
    const waiting = (this.#waiting.get(user) ?? 1) - 1
    if (waiting === 0) this.#waiting.delete(user)
    else this.#waiting.set(user, waiting)
  }
}
