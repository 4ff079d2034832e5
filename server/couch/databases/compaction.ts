import { CouchError } from '../../couch-error.ts'
import { requireJsonContent } from '../../http/content-type.ts'
import type { Call, Route } from '../../http/route.ts'
import type { Database } from '../../store/store.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'

const ACCEPTED = { status: 202, json: { ok: true } }

/**
 * `_compact` and what belongs to it. The answer does not wait for the end: `compact_running` of `GET /db` tells of it, and is true once
 * this has been answered.
 */
export function compactionRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, { method: 'POST', path: '/:db/_compact', access: 'admin', handle: compact }),
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_compact/:ddoc',
      access: 'admin',
      handle: compactViews,
    }),
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_view_cleanup',
      access: 'admin',
      handle: () => ACCEPTED,
    }),
  ]
}

async function compact(call: Call, database: Database) {
  requireJsonContent(call.headers)
  await database.askCompaction()
  return ACCEPTED
}

/** No index is kept that could be compacted, so only whether there is such a design document is told. */
function compactViews(call: Call, database: Database) {
  requireJsonContent(call.headers)
  const winner = database.doc(`_design/${call.params.ddoc}`)?.tree.winner
  if (winner === undefined) throw new CouchError('not_found', 'missing')
  if (winner.deleted) throw new CouchError('not_found', 'deleted')
  return ACCEPTED
}
