import { ACCOUNTS_DB } from '../design-docs/database-kind.ts'
import type { DatabaseKind } from '../design-docs/entity.ts'
import { userOfDb, userUuid } from '../design-docs/user-db.ts'

/** A database that is mirrored: which kind of documents it holds, and whose. */
export interface Source {
  readonly database: string
  readonly kind: DatabaseKind
  /** The owner's id in Postgres. Accounts have none: each is its own. */
  readonly userUuid: string
}

/** Postgres keeps names in indexes, whose entries have at most 2,700 bytes. CouchDB's names have at most 238. */
const MAX_NAME_LENGTH = 2000

/** What a database name stands for; undefined for the databases that are not mirrored. */
export function sourceOf(database: string): Source | undefined {
  if (database === ACCOUNTS_DB) return { database, kind: 'accounts', userUuid: '' }
  const user = database.length > MAX_NAME_LENGTH ? undefined : userOfDb(database)
  if (user === undefined) return undefined
  return { database, kind: user.kind, userUuid: userUuid(user.sub) }
}

/** Whether the documents of this database are mirrored. */
export function isMirrored(database: string): boolean {
  return sourceOf(database) !== undefined
}
