import { delayAfter } from './back-off.ts'

/** Enough to keep workers busy. Databases beyond it are found in Postgres when the others are done. */
const MAX_WAITING = 5000

/**
 * The databases that wait for a worker of this process, first come, first served. It may be lost at any moment: what
 * must be done is in Postgres. A database is at one worker at most, and one that was added meanwhile comes again.
 */
export class WorkQueue {
  readonly #waiting = new Set<string>()
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
      else if (this.#waiting.size < MAX_WAITING) this.#waiting.add(database)
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

  /** Gives a database back. `more` puts it behind all that wait: one batch a turn, so that none starves. */
  done(database: string, outcome: 'rest' | 'more' | 'failed'): void {
    this.#busy.delete(database)
    const again = this.#again.delete(database)
    if (outcome === 'failed') {
      const failures = (this.#resting.get(database)?.failures ?? 0) + 1
      this.#resting.set(database, { failures, until: Date.now() + delayAfter(failures) })
      return
    }
    this.#resting.delete(database)
    if (outcome === 'more' || again) this.add([database])
  }

  /** Databases that are not to be tried just now. */
  resting(): string[] {
    return [...this.#resting.keys()].filter(database => this.#rests(database))
  }

  get waiting(): number {
    return this.#waiting.size
  }

  close(): void {
    this.#closed = true
    this.#give()
  }

  #rests(database: string): boolean {
    return (this.#resting.get(database)?.until ?? 0) > Date.now()
  }

  #give(): void {
    while (this.#takers.length > 0 && (this.#closed || this.#waiting.size > 0)) {
      const [database] = this.#waiting
      if (database !== undefined && !this.#closed) {
        this.#waiting.delete(database)
        this.#busy.add(database)
      }
      this.#takers.shift()?.(this.#closed ? undefined : database)
    }
  }
}
