import { requireJsonContent } from '../../http/content-type.ts'
import type { Route } from '../../http/route.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'

/** CouchDB's replicator asks for it before each checkpoint. Every acknowledged write is on disk already. */
export function ensureFullCommitRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_ensure_full_commit',
      handle(call) {
        requireJsonContent(call.headers)
        return { status: 201, json: { ok: true, instance_start_time: '0' } }
      },
    }),
  ]
}
