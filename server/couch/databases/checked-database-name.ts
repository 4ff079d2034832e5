import { isReservedName } from '../../auth/access.ts'
import { CouchError } from '../../couch-error.ts'

/** The server's own accounts. Made at start, and not an admin's to delete. */
export const USERS_DATABASE = '_users'

/** As long as CouchDB lets a name be. */
const MAX_NAME_LENGTH = 238
const DATABASE_NAME = /^[a-z][a-z0-9_$()+/-]*$/
/** CouchDB's own, which admins may make by these names. */
const SYSTEM_DATABASES: readonly string[] = [USERS_DATABASE, '_replicator', '_global_changes']

/** Throws the refusal of a name that no database may be made with, by whichever way into the store. */
export function checkDatabaseName(name: string): void {
  const isAllowed = SYSTEM_DATABASES.includes(name) || (DATABASE_NAME.test(name) && !isReservedName(name))
  if (isAllowed && name.length <= MAX_NAME_LENGTH) return
  throw new CouchError(
    'illegal_database_name',
    isReservedName(name)
      ? `Name: '${name}'. It stands for a user's own database, or for a part of the server.`
      : `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter and have at most ${MAX_NAME_LENGTH} characters.`,
  )
}
