import type { CommandOf, Results } from '../commands.ts'
import type { Transaction } from './transaction.ts'

/** Forgets leaves, and the ancestors that no other leaf has. */
export function purge(_tx: Transaction, _command: CommandOf<'purge'>): Results['purge'] {
  throw new Error('not yet')
}
