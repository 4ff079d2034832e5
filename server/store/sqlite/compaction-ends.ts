import type { CouchError } from '../../couch-error.ts'

type Waiting = { readonly resolve: () => void; readonly reject: (error: CouchError) => void }

/** Who waits for a database's compaction to come to its end. */
export class CompactionEnds {
  readonly #waiting = new Map<number, Waiting[]>()

  /** Resolves with the next end of this database's compaction. */
  next(db: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(db) ?? []
      waiting.push({ resolve, reject })
      this.#waiting.set(db, waiting)
    })
  }

  /** A compaction has come to its end. */
  settle(db: number): void {
    for (const { resolve } of this.#take(db)) resolve()
  }

  /** A database is gone, and its compaction with it. */
  abandon(db: number, why: CouchError): void {
    for (const { reject } of this.#take(db)) reject(why)
  }

  /** Nobody will tell of any end. */
  abandonAll(why: CouchError): void {
    for (const db of [...this.#waiting.keys()]) this.abandon(db, why)
  }

  #take(db: number): readonly Waiting[] {
    const waiting = this.#waiting.get(db) ?? []
    this.#waiting.delete(db)
    return waiting
  }
}
