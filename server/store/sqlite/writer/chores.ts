import type { Connection } from '../connection.ts'
import { compactSlice } from './compact.ts'
import { removeLooseSlice } from './loose-attachments.ts'
import { deletedDatabases, removeSlice } from './remove-deleted.ts'
import { rollback } from './rollback.ts'

/**
 * The work that no client waits for: removing what is of no use any more. It is done in slices of a few milliseconds between the
 * commits, each a transaction of its own. Where a chore is follows from the file, so a restart just goes on.
 */
export class Chores {
  readonly #connection: Connection
  /** Deleted databases whose rows may be removed: those of earlier runs, and those that no handle believes in any more. */
  readonly #removable: Set<number>

  constructor(connection: Connection) {
    this.#connection = connection
    this.#removable = new Set(deletedDatabases(connection))
  }

  /** Every handle knows that this database is gone. */
  mayRemove(db: number): void {
    this.#removable.add(db)
  }

  /** Does one slice, or nothing of it if it fails. False: there is nothing to do. */
  doSlice(): boolean {
    this.#connection.exec('begin')
    try {
      const hasWorked =
        this.#removeDeleted() || compactSlice(this.#connection) || removeLooseSlice(this.#connection)
      this.#connection.exec('commit')
      return hasWorked
    } catch (error) {
      rollback(this.#connection)
      throw error
    }
  }

  #removeDeleted(): boolean {
    const [db] = this.#removable
    if (db === undefined) return false
    if (!removeSlice(this.#connection, db)) this.#removable.delete(db)
    return true
  }
}
