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
