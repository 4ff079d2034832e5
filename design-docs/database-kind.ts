import type { DatabaseKind } from './entity.ts'
import { typeViewOfDb } from './type-view.ts'
import { userOfDb } from './user-db.ts'

/** The database of accounts, which the server makes. */
export const ACCOUNTS_DB = '_users'

/** Which kind of documents is found under this name; undefined where nobody describes them, as in what admins make. */
export function databaseKindOf(name: string): DatabaseKind | undefined {
  if (name === ACCOUNTS_DB) return 'accounts'
  return typeViewOfDb(name) === undefined ? userOfDb(name)?.kind : 'main'
}
