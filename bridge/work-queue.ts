import { delayAfter } from './back-off.ts'

/** Enough to keep workers busy. Databases beyond it are found in Postgres when the others are done. */
const MAX_WAITING = 5000

/**
 * Of so many databases that are given out, one is of those whose turns were not enough: many large ones, as after an import,
 * must not hold up what was just written elsewhere, and are not held up by it for ever.
 */
const GIVEN_PER_LARGE = 4

/** One that was not tried again so long after its rest has probably been mirrored by another bridge. */
const FORGOTTEN_MS = 600_000

/**
 * The databases that wait for a worker of this process, first come, first served. It may be lost at any moment: what
 * must be done is in Postgres. A database is at one worker at most, and one that was added meanwhile comes again.
 */
export class WorkQueue {
  readonly #waiting = new Set<string>()
  /** Those whose last turn has left something to do. They wait here, not above. */
  readonly #large = new Set<string>()
  #given = 0
  readonly #busy = new Set<string>()
  readonly #again = new Set<string>()
  readonly #resting = new Map<string, { readonly failures: number; readonly until: number }>()
  #takers: ((database: string | undefined) => void)[] = []
  #closed = false

  /** Databases that rest after a failure are not taken in: who looks for dirty databases finds them later. */
  add(databases: Iterable<string>): void {
    for (const database of databases) {
      if (this.#rests(database)) continue
      if (this.#busy.has(database)) this.#again.add(database)
      else if (!this.#large.has(database) && this.waiting < MAX_WAITING) this.#waiting.add(database)
    }
    this.#give()
  }

  /** The next database, when there is one; undefined when the queue is closed. */
  next(): Promise<string | undefined> {
    return new Promise(resolve => {
      this.#takers.push(resolve)
      this.#give()
    })
  }

  /** Gives a database back. `more` puts it behind those whose turns were not enough either: none starves. */
  done(database: string, outcome: 'rest' | 'more' | 'failed'): void {
    this.#busy.delete(database)
    const again = this.#again.delete(database)
    if (outcome === 'failed') {
      const failures = (this.#resting.get(database)?.failures ?? 0) + 1
      this.#resting.set(database, { failures, until: Date.now() + delayAfter(failures) })
      return
    }
    this.#resting.delete(database)
    if (outcome === 'more') this.#addLarge(database)
    else if (again) this.add([database])
  }

  /** Databases that are not to be tried just now. */
  resting(): string[] {
    const forgotten = Date.now() - FORGOTTEN_MS
    for (const [database, { until }] of this.#resting) if (until < forgotten) this.#resting.delete(database)
    return [...this.#resting.keys()].filter(database => this.#rests(database))
  }

  /** Ends the rest of databases with which another bridge has succeeded. */
  wake(databases: Iterable<string>): void {
    for (const database of databases) this.#resting.delete(database)
  }

  get waiting(): number {
    return this.#waiting.size + this.#large.size
  }

  close(): void {
    this.#closed = true
    this.#give()
  }

  #rests(database: string): boolean {
    return (this.#resting.get(database)?.until ?? 0) > Date.now()
  }

  #give(): void {
    while (this.#takers.length > 0 && (this.#closed || this.waiting > 0)) {
      this.#takers.shift()?.(this.#closed ? undefined : this.#take())
    }
  }

  #addLarge(database: string): void {
    if (this.waiting < MAX_WAITING) this.#large.add(database)
    this.#give()
  }

  #take(): string | undefined {
    const isLargesTurn = ++this.#given % GIVEN_PER_LARGE === 0
    const first = isLargesTurn ? this.#large : this.#waiting
    const from = first.size > 0 ? first : isLargesTurn ? this.#waiting : this.#large
    const [database] = from
    if (database === undefined) return undefined
    from.delete(database)
    this.#busy.add(database)
    return database
  }
}
