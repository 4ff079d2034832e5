import type { Route } from '../http/route.ts'
import type { CouchContext } from './couch-context.ts'
import { databaseRoutes } from './database.ts'
import { databaseFactsRoutes } from './database-facts.ts'
import { databasesInfoRoutes } from './databases-info.ts'
import { dbUpdatesRoutes } from './db-updates.ts'
import { ensureFullCommitRoutes } from './ensure-full-commit.ts'
import { serverRoutes } from './server-facts.ts'
import { sessionRoutes } from './session.ts'

/** Every route of the CouchDB protocol. Their order means nothing: http/route-table.ts sorts them. */
export function couchRoutes(context: CouchContext): readonly Route[] {
  return [
    ...serverRoutes(context),
    ...sessionRoutes(),
    ...databasesInfoRoutes(context),
    ...dbUpdatesRoutes(context),
    ...databaseRoutes(context),
    ...databaseFactsRoutes(context),
    ...ensureFullCommitRoutes(context),
  ]
}
