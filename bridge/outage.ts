import type { Logger } from 'pino'

/**
 * Says once that something the bridge needs is away, and once that it is back. Every worker meets the same
 * outage; a line for each of their attempts would bury the one that matters.
 */
export class Outage {
  readonly #log: Logger
  readonly #what: string
  #since: number | undefined
  #reason = ''

  constructor(log: Logger, what: string) {
    this.#log = log
    this.#what = what
  }

  report(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    if (this.#since !== undefined && reason === this.#reason) return
    if (this.#since === undefined || this.#log.isLevelEnabled('debug')) {
      this.#log.warn({ reason }, `${this.#what} does not answer as it should; trying again until it does`)
    }
    this.#since ??= Date.now()
    this.#reason = reason
  }

  over(): void {
    if (this.#since === undefined) return
    const seconds = Math.round((Date.now() - this.#since) / 1000)
    this.#log.info(`${this.#what} answers again, after ${seconds} s`)
    this.#since = undefined
  }
}

const REPEAT_MS = 60_000

/**
 * Says what goes wrong with single databases, or in a way nobody foresaw: in full, but each reason once a minute,
 * though thousands of databases may fail for the same one.
 */
export class Complaints {
  readonly #log: Logger
  readonly #saidAt = new Map<string, number>()

  constructor(log: Logger) {
    this.#log = log
  }

  report(error: unknown, database: string | undefined): void {
    const reason = error instanceof Error ? error.message : String(error)
    const now = Date.now()
    for (const [said, at] of this.#saidAt) if (at < now - REPEAT_MS) this.#saidAt.delete(said)
    if (this.#saidAt.has(reason)) return
    this.#saidAt.set(reason, now)
    this.#log.error({ err: error, database }, 'something goes wrong; trying again until it does not')
  }
}
