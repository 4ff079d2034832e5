import { z } from 'zod'
import { userOfDb } from '../../../design-docs/user-db.ts'
import { CouchError } from '../../couch-error.ts'
import type { Route } from '../../http/route.ts'
import type { Database } from '../../store/store.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'

/** A number and no more. */
const MAX_LIMIT_BYTES = 64

/** What can be asked of a database beside its documents. */
export function databaseFactsRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'GET',
      path: '/:db/_revs_limit',
      handle: (_call, database) => ({ json: database.facts().revsLimit }),
    }),
    databaseRoute(context, {
      method: 'PUT',
      path: '/:db/_revs_limit',
      access: 'admin',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_LIMIT_BYTES },
      async handle(call, database) {
        if (call.params.db !== database.name)
          throw new CouchError('forbidden', `It holds for all of ${database.name}: set it there.`)
        await database.setRevsLimit(checkedRevsLimit(call.body))
        return { json: { ok: true } }
      },
    }),
    databaseRoute(context, {
      method: 'GET',
      path: '/:db/_security',
      handle: (_call, database) => ({ json: securityObject(database.name) }),
    }),
  ]
}

function checkedRevsLimit(limit: unknown): number {
  if (typeof limit === 'number' && Number.isSafeInteger(limit) && limit > 0) return limit
  throw new CouchError('bad_request', '`revs_limit` must be a positive integer')
}

/** A database's facts as CouchDB tells them. */
export function factsAnswer(database: Database) {
  const facts = database.facts()
  return {
    db_name: database.name,
    purge_seq: facts.purgeSeq,
    update_seq: database.sequence(facts.updateSeq),
    sizes: { file: facts.storedBytes, external: facts.activeBytes, active: facts.activeBytes },
    props: {},
    doc_del_count: facts.docDelCount,
    doc_count: facts.docCount,
    disk_format_version: 8,
    compact_running: facts.isCompacting,
    cluster: { q: 1, n: 1, w: 1, r: 1 },
    // CouchDB's replicator compares it at each checkpoint; the sequences say themselves what is still the same.
    instance_start_time: '0',
  }
}

/** What auth/access.ts decides, in CouchDB's words. */
function securityObject(name: string) {
  const owner = userOfDb(name)
  return {
    admins: { names: [], roles: ['_admin'] },
    members: { names: owner === undefined ? [] : [owner.sub], roles: ['_admin'] },
  }
}
