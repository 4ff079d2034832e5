import { CouchError } from '../../../couch-error.ts'
import type { CommandOf } from '../commands.ts'
import { toStoredId } from '../stored-id.ts'
import type { Transaction } from './transaction.ts'

/** Replaces or removes a local doc if `rev` is its current one. Returns the new rev. */
export function writeLocalDoc(tx: Transaction, command: CommandOf<'writeLocalDoc'>): string {
  const { db, body } = command
  const id = toStoredId(command.id)
  const { connection } = tx
  tx.database(db)
  const current = connection.row<[number]>('select rev from local_docs where db = ? and id = ?', db, id)?.[0]
  if (body === null && current === undefined) throw new CouchError('not_found', 'missing')
  if (command.rev !== (current === undefined ? undefined : `0-${current}`)) {
    throw new CouchError('conflict', 'Document update conflict.')
  }
  if (body === null) {
    connection.run('delete from local_docs where db = ? and id = ?', db, id)
    return '0-0'
  }
  const rev = (current ?? 0) + 1
  connection.run('insert or replace into local_docs values (?, ?, ?, ?)', db, id, rev, body)
  return `0-${rev}`
}
