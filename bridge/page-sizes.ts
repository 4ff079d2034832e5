/** A page of a thousand documents has become one of one. */
const LARGEST_DIVISOR = 1024

/** The names of more are not kept: another bridge may have mirrored them, or they are gone, and nobody tells. */
const MAX_DATABASES = 1000

/**
 * How much smaller than usual the pages of single databases are. A page that Postgres does not manage in time would
 * not be managed the next time either: it becomes smaller until it is, and grows again when there is time.
 */
export class PageSizes {
  readonly #divisors = new Map<string, number>()

  /** `usual`, or as much of it as this database's pages may have now. */
  limit(database: string, usual: number): number {
    return Math.max(1, Math.floor(usual / (this.#divisors.get(database) ?? 1)))
  }

  /** A page took too long. */
  shrink(database: string): void {
    const divisor = this.#divisors.get(database) ?? 1
    // Anew, so that those of long ago are the first.
    this.#divisors.delete(database)
    this.#divisors.set(database, Math.min(LARGEST_DIVISOR, divisor * 4))
    const [oldest] = this.#divisors.keys()
    if (this.#divisors.size > MAX_DATABASES && oldest !== undefined) this.#divisors.delete(oldest)
  }

  /** Some pages were in time. */
  grow(database: string): void {
    const divisor = (this.#divisors.get(database) ?? 1) / 2
    if (divisor <= 1) this.#divisors.delete(database)
    else this.#divisors.set(database, divisor)
  }
}
