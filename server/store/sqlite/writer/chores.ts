import type { Connection } from '../connection.ts'
import { rollback } from '../rollback.ts'
import { compactSlice } from './compact.ts'
import { freeSlice } from './free-pages.ts'
import { removeLooseSlice } from './loose-attachments.ts'
import { deletedDatabases, removeSlice } from './remove-deleted.ts'
import type { Run } from './transaction.ts'

/**
 * The work that no client waits for: removing what is of no use any more. It is done in slices of a few milliseconds between the
 * commits, each a transaction of its own. Where a chore is follows from the file, so a restart just goes on.
 */
export class Chores {
  readonly #connection: Connection
  readonly #run: Run
  readonly #onCompacted: (db: number) => void
  /** Deleted databases whose rows may be removed: those of earlier runs, and those that no handle believes in any more. */
  readonly #removable: Set<number>
  /** They take turns, because none of them need ever come to its end: others write, delete and drop meanwhile. */
  readonly #turns: ((ended: number[]) => boolean)[] = [
    () => this.#removeDeleted(),
    ended => this.#compact(ended),
    () => removeLooseSlice(this.#connection, this.#run, Date.now()),
  ]
  #lastCompacted = 0

  /** `onCompacted` is called with each database whose compaction has come to its end. */
  constructor(connection: Connection, run: Run, onCompacted: (db: number) => void = () => {}) {
    this.#connection = connection
    this.#run = run
    this.#onCompacted = onCompacted
    this.#removable = new Set(deletedDatabases(connection))
  }

  /** Every handle knows that this database is gone. */
  mayRemove(db: number): void {
    this.#removable.add(db)
  }

  /** Does one slice, or nothing of it if it fails. False: there is nothing to do. */
  doSlice(): boolean {
    const ended: number[] = []
    this.#connection.exec('begin')
    try {
      const hasWorked = this.#takeTurn(ended) || freeSlice(this.#connection)
      this.#connection.exec('commit')
      for (const db of ended) this.#onCompacted(db)
      return hasWorked
    } catch (error) {
      rollback(this.#connection)
      throw error
    }
  }

  /** One slice of the first in turn that has something to do. */
  #takeTurn(ended: number[]): boolean {
    return [...this.#turns].some(turn => {
      this.#turns.push(...this.#turns.splice(0, 1))
      return turn(ended)
    })
  }

  #removeDeleted(): boolean {
    const [db] = this.#removable
    if (db === undefined) return false
    if (!removeSlice(this.#connection, db)) this.#removable.delete(db)
    return true
  }

  #compact(ended: number[]): boolean {
    const slice = compactSlice(this.#connection, this.#lastCompacted)
    if (slice === undefined) return false
    this.#lastCompacted = slice.db
    if (slice.hasEnded) ended.push(slice.db)
    return true
  }
}
