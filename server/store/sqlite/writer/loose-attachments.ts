import type { CommandOf } from '../commands.ts'
import type { Connection } from '../connection.ts'
import type { Transaction } from './transaction.ts'

/** Takes a key for an attachment that is received now. */
export function openUpload(_tx: Transaction, _command: CommandOf<'openUpload'>): number {
  throw new Error('not yet')
}

/** Stores some of its chunks. */
export function writeUpload(_tx: Transaction, _command: CommandOf<'writeUpload'>): undefined {
  throw new Error('not yet')
}

/** Leaves what no edit took to be removed. */
export function closeUpload(_tx: Transaction, _command: CommandOf<'closeUpload'>): undefined {
  throw new Error('not yet')
}

/** Removes some chunks of an attachment that nothing names any more. False: there are none. */
export function removeLooseSlice(_connection: Connection): boolean {
  return false
}
