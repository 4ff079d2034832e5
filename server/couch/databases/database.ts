import { z } from 'zod'
import { typeDatabaseOf } from '../../../design-docs/type-database.ts'
import { CouchError } from '../../couch-error.ts'
import type { Answer, Call, Route } from '../../http/route.ts'
import type { Store } from '../../store/store.ts'
import { type CouchContext, databaseOf, databaseRoute } from '../couch-context.ts'
import { checkDatabaseName, USERS_DATABASE } from './checked-database-name.ts'
import { factsAnswer } from './database-facts.ts'

const deleteQuery = z.object({ rev: z.string().optional() })

/** A database as a whole: whether it is there, making it, deleting it. */
export function databaseRoutes(context: CouchContext): readonly Route[] {
  const path = '/:db'
  const deletion: Route<z.infer<typeof deleteQuery>> = {
    method: 'DELETE',
    path,
    access: 'admin',
    query: deleteQuery,
    handle: call => deleteDatabase(context.store, call.params.db ?? '', call.query.rev),
  }
  return [
    databaseRoute(context, {
      method: 'GET',
      path,
      handle: (call, database) => ({ json: { ...factsAnswer(database), db_name: call.params.db } }),
    }),
    { method: 'PUT', path, access: 'database', handle: call => createDatabase(context.store, call) },
    deletion,
  ]
}

async function createDatabase(store: Store, call: Call): Promise<Answer> {
  const name = call.params.db ?? ''
  if (typeDatabaseOf(name) !== undefined) {
    // A type database is there as soon as its database is, which its owner has from his first use on. PouchDB takes this answer for a success.
    await databaseOf({ store }, call)
    throw fileExists()
  }
  checkDatabaseName(name)
  if ((await store.createDatabase(name)) === 'exists') throw fileExists()
  const location = `${call.origin}/${encodeURIComponent(name)}`
  return { status: 201, headers: { Location: location }, json: { ok: true } }
}

function fileExists(): CouchError {
  return new CouchError('file_exists', 'The database could not be created, the file already exists.')
}

async function deleteDatabase(store: Store, name: string, rev: string | undefined): Promise<Answer> {
  if (rev !== undefined) {
    throw new CouchError(
      'bad_request',
      'You tried to DELETE a database with a ?rev= parameter. Did you mean to DELETE a document instead?',
    )
  }
  if (name === USERS_DATABASE) throw new CouchError('forbidden', `${USERS_DATABASE} is the server's own.`)
  // A real one by such a name is from before there were type databases, and this is how it goes.
  if (typeDatabaseOf(name) !== undefined && store.database(name) === undefined)
    throw new CouchError('forbidden', `${name} is one type of a user's database, and goes with that one.`)
  if (!(await store.deleteDatabase(name))) throw new CouchError('not_found', 'Database does not exist.')
  return { json: { ok: true } }
}
