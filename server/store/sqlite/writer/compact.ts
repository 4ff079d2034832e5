import type { CommandOf } from '../commands.ts'
import type { Connection } from '../connection.ts'
import type { Transaction } from './transaction.ts'

/** Asks for compaction up to the last change. */
export function askCompaction(_tx: Transaction, _command: CommandOf<'compact'>): number {
  throw new Error('not yet')
}

/** Compacts some documents of one database, in a transaction of its own. False: nothing is to be compacted. */
export function compactSlice(_connection: Connection): boolean {
  return false
}
