import type { Logger } from 'pino'

/** How often a bridge that has work meets an outage again, at the least; what failed last before that is settled. */
const FORGOTTEN_MS = 60_000

/** An outage that comes back this soon has not been over. */
const QUIET_MS = 2000

/** Since when something the bridge needs is away, and what was seen of it last. */
export type Away = { readonly since: Date; readonly reason: string }

/** The two lines of an outage: what is wrong, and what is right again. */
export type OutageWords = { readonly begins: string; readonly ends: string }

/**
 * Says once that something the bridge needs is away, and once that it is back. Every worker meets the same
 * outage; a line for each of their attempts would bury the one that matters. It is over when everything that failed
 * has succeeded since: a disk that is full still answers those who only read.
 */
export class Outage {
  readonly #log: Logger
  readonly #words: OutageWords
  /** What fails, and when it did so last. */
  readonly #failing = new Map<string, number>()
  #since: number | undefined
  #lastReport = 0
  #reason = ''
  #count = 0

  constructor(log: Logger, words: OutageWords) {
    this.#log = log
    this.#words = words
  }

  /** Undefined if nothing is away. */
  get away(): Away | undefined {
    return this.#since === undefined ? undefined : { since: new Date(this.#since), reason: this.#reason }
  }

  /** How many there were. */
  get count(): number {
    return this.#count
  }

  /** `what` has failed: a database, or a part of the bridge. */
  report(error: unknown, what: string): void {
    const reason = error instanceof Error ? error.message : String(error)
    const now = Date.now()
    const isNews = reason !== this.#reason && this.#log.isLevelEnabled('debug')
    if (this.#since === undefined || isNews) this.#log.warn({ reason }, this.#words.begins)
    if (this.#since === undefined) this.#count++
    this.#since ??= now
    this.#lastReport = now
    this.#reason = reason
    this.#failing.set(what, now)
  }

  /** `what` has succeeded. */
  over(what: string): void {
    if (this.#since === undefined) return
    this.#failing.delete(what)
    const now = Date.now()
    if (now < this.#lastReport + QUIET_MS) return
    for (const [failed, at] of this.#failing) if (at < now - FORGOTTEN_MS) this.#failing.delete(failed)
    if (this.#failing.size > 0) return
    const seconds = Math.round((this.#lastReport - this.#since) / 1000)
    this.#log.info(`${this.#words.ends}, after ${seconds} s`)
    this.#since = undefined
    this.#reason = ''
  }
}
