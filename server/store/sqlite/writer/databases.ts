import assert from 'node:assert/strict'
import type { CommandOf, Results } from '../commands.ts'
import type { Connection } from '../connection.ts'
import type { Transaction } from './transaction.ts'

/** Makes an empty database with its first epoch. */
export function createDatabase(
  tx: Transaction,
  { name }: CommandOf<'createDatabase'>,
): Results['createDatabase'] {
  if (findDatabase(tx.connection, name) !== undefined) return 'exists'
  tx.connection.run('insert into databases (name, run) values (?, ?)', name, tx.runId)
  const db = findDatabase(tx.connection, name)
  assert(db !== undefined, 'a database that was made is there')
  tx.startEpoch(db, 0)
  tx.noteUpdate(name, 'created')
  return 'created'
}

/** Frees the name at once; remove-deleted.ts removes the rows. */
export function deleteDatabase(
  tx: Transaction,
  { name }: CommandOf<'deleteDatabase'>,
): Results['deleteDatabase'] {
  const db = findDatabase(tx.connection, name)
  if (db === undefined) return undefined
  tx.forget(db)
  tx.connection.run('update databases set deleted = 1 where db = ?', db)
  tx.noteUpdate(name, 'deleted')
  return db
}

/** The number of the database that has this name now. */
export function findDatabase(connection: Connection, name: string): number | undefined {
  return connection.row<[number]>('select db from databases where name = ? and deleted = 0', name)?.[0]
}
