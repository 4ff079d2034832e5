import type { Connection } from './connection.ts'

/** Undoes the transaction, unless SQLite has done so by itself, as it does when the disk is full. */
export function rollback(connection: Connection): void {
  try {
    connection.exec('rollback')
  } catch {
    // There is no transaction any more.
  }
}
