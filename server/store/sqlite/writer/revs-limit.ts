import type { CommandOf } from '../commands.ts'
import type { Transaction } from './transaction.ts'

/** Sets how many ancestors of a leaf are remembered. */
export function setRevsLimit(tx: Transaction, { db, limit }: CommandOf<'setRevsLimit'>): undefined {
  tx.database(db).revsLimit = limit
}
