import type { Route } from '../http/route.ts'
import { bulkDocsRoutes } from './bulk/bulk-docs.ts'
import { bulkGetRoutes } from './bulk/bulk-get.ts'
import type { CouchContext } from './couch-context.ts'
import { compactionRoutes } from './databases/compaction.ts'
import { databaseRoutes } from './databases/database.ts'
import { databaseFactsRoutes } from './databases/database-facts.ts'
import { databasesInfoRoutes } from './databases/databases-info.ts'
import { ensureFullCommitRoutes } from './databases/ensure-full-commit.ts'
import { attachmentRoutes } from './documents/attachments.ts'
import { docReadRoutes } from './documents/doc-read.ts'
import { docWriteRoutes } from './documents/doc-write.ts'
import { localDocRoutes } from './documents/local-docs.ts'
import { purgeRoutes } from './documents/purge.ts'
import { revsDiffRoutes } from './documents/revs-diff.ts'
import { changesRoutes } from './feeds/changes.ts'
import { dbUpdatesRoutes } from './feeds/db-updates.ts'
import { problemsRoutes } from './feeds/problems.ts'
import { allDocsRoutes } from './listings/all-docs.ts'
import { designDocsRoutes } from './listings/design-docs-list.ts'
import { localDocsListRoutes } from './listings/local-docs-list.ts'
import { notYetRoutes } from './not-yet.ts'
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
