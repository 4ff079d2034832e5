import type { Logger } from 'pino'
import { typeDatabaseOf } from '../../design-docs/type-database.ts'
import { userDbName } from '../../design-docs/user-db.ts'
import { isOwnDatabase } from '../auth/access.ts'
import type { Caller } from '../auth/caller.ts'
import type { Sessions } from '../auth/sessions.ts'
import { CouchError } from '../couch-error.ts'
import type { MemoryGate } from '../http/memory-gate.ts'
import type { Call, Route } from '../http/route.ts'
import type { Database, Store } from '../store/store.ts'

/** What the protocol's routes are built with. */
export type CouchContext = {
  readonly store: Store
  readonly limits: {
    readonly maxDocumentBytes: number
    readonly maxAttachmentBytes: number
  }
  /** Live feeds of one token; further ones end soon. Absent: what a browser can hold. */
  readonly feedsPerToken?: number | undefined
  /** Where large bodies wait until they are complete. */
  readonly uploadsFolder: string
  readonly memoryGate: MemoryGate
  /** Of this package. */
  readonly version: string
  readonly log: Logger
  /** For `_session`. */
  readonly adminSessions: Sessions
}

/**
 * The database that a call's `:db` names, or of which it names a type: `database.name` is that of the database. A user's own one is made
 * at its first use, so that a phone with a valid token never meets a 404 it would answer with a `PUT`. A promise only where there is none yet.
 */
export function databaseOf(
  { store }: Pick<CouchContext, 'store'>,
  { caller, params }: Pick<Call, 'caller' | 'params'>,
): Database | Promise<Database> {
  const named = params.db ?? ''
  const typed = typeDatabaseOf(named)
  const name = typed === undefined ? named : userDbName(typed.sub)
  const inForm = (database: Database) => (typed === undefined ? database : database.ofType(typed.type))
  const database = store.database(name)
  return database === undefined ? provision(store, caller, name).then(inForm) : inForm(database)
}

async function provision(store: Store, caller: Caller, name: string): Promise<Database> {
  if (isOwnDatabase(caller, name)) await store.createDatabase(name)
  const database = store.database(name)
  if (database === undefined) throw new CouchError('not_found', 'Database does not exist.')
  return database
}

/** A route under `/:db` whose handler is given the database. */
export type DatabaseRoute<Query, Body> = Omit<Route<Query, Body>, 'handle' | 'access'> & {
  readonly access?: 'database' | 'admin' | undefined
  handle(call: Call<Query, Body>, database: Database): ReturnType<Route['handle']>
}

/** Makes a route of it: access `database` unless it says `admin`, and 404 where there is no such database. */
export function databaseRoute<Query, Body>(
  context: CouchContext,
  parts: DatabaseRoute<Query, Body>,
): Route<Query, Body> {
  return {
    ...parts,
    access: parts.access ?? 'database',
    handle(call) {
      const database = databaseOf(context, call)
      return database instanceof Promise
        ? database.then(made => parts.handle(call, made))
        : parts.handle(call, database)
    },
  }
}
