import type { DatabaseKind } from './entity.ts'
import { userOfDb } from './user-db.ts'

/** The database of accounts, which the server makes. */
export const ACCOUNTS_DB = '_users'

/** Which kind of documents the database of this name holds; undefined where nobody describes them, as in what admins make. */
export function databaseKindOf(name: string): DatabaseKind | undefined {
  return name === ACCOUNTS_DB ? 'accounts' : userOfDb(name)?.kind
}
