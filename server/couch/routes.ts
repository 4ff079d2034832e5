import type { Route } from '../http/route.ts'
import { allDocsRoutes } from './all-docs.ts'
import { attachmentRoutes } from './attachments.ts'
import { bulkDocsRoutes } from './bulk-docs.ts'
import { bulkGetRoutes } from './bulk-get.ts'
import { changesRoutes } from './changes.ts'
import { compactionRoutes } from './compaction.ts'
import type { CouchContext } from './couch-context.ts'
import { databaseRoutes } from './database.ts'
import { databaseFactsRoutes } from './database-facts.ts'
import { databasesInfoRoutes } from './databases-info.ts'
import { dbUpdatesRoutes } from './db-updates.ts'
import { designDocsRoutes } from './design-docs-list.ts'
import { docReadRoutes } from './doc-read.ts'
import { docWriteRoutes } from './doc-write.ts'
import { ensureFullCommitRoutes } from './ensure-full-commit.ts'
import { localDocRoutes } from './local-docs.ts'
import { localDocsListRoutes } from './local-docs-list.ts'
import { notYetRoutes } from './not-yet.ts'
import { problemsRoutes } from './problems.ts'
import { purgeRoutes } from './purge.ts'
import { revsDiffRoutes } from './revs-diff.ts'
import { serverRoutes } from './server-facts.ts'
import { sessionRoutes } from './session.ts'

/** Every route of the CouchDB protocol. Their order means nothing: http/route-table.ts sorts them. */
export function couchRoutes(context: CouchContext): readonly Route[] {
  return [
    ...serverRoutes(context),
    ...sessionRoutes(context),
    ...databasesInfoRoutes(context),
    ...dbUpdatesRoutes(context),
    ...databaseRoutes(context),
    ...databaseFactsRoutes(context),
    ...ensureFullCommitRoutes(context),
    ...compactionRoutes(context),
    ...purgeRoutes(context),
    ...changesRoutes(context),
    ...problemsRoutes(context),
    ...revsDiffRoutes(context),
    ...bulkGetRoutes(context),
    ...bulkDocsRoutes(context),
    ...allDocsRoutes(context),
    ...designDocsRoutes(context),
    ...docReadRoutes(context),
    ...docWriteRoutes(context),
    ...attachmentRoutes(context),
    ...localDocRoutes(context),
    ...localDocsListRoutes(context),
    ...notYetRoutes(context),
  ]
}
