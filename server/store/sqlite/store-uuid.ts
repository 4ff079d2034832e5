import { randomBytes } from 'node:crypto'
import { StoreError } from '../store-error.ts'
import type { Connection } from './connection.ts'

/** 32 hex digits. */
export function newUuid(): string {
  return randomBytes(16).toString('hex')
}

/** What the file says. */
export function storedUuid(connection: Connection): string {
  const row = connection.row<[string]>("select value from store where key = 'uuid'")
  if (row === undefined) throw new StoreError('the store has lost its uuid: restore it from a backup')
  return row[0]
}

/** Gives the store another one, so that no client finds a replication log again that it wrote before. */
export function replaceUuid(connection: Connection): void {
  connection.run("update store set value = ? where key = 'uuid'", newUuid())
}
