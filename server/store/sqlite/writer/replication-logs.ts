import type { CommandOf } from '../commands.ts'
import type { Transaction } from './transaction.ts'

/** Deletes the local docs in which replicating clients note how far they are, once in a run of the writer. */
export function forgetReplicationLogs(
  _tx: Transaction,
  _command: CommandOf<'forgetReplicationLogs'>,
): undefined {
  throw new Error('not yet')
}
