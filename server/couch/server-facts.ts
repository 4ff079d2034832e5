import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { CouchError } from '../couch-error.ts'
import type { Answer, Call, Route } from '../http/route.ts'
import type { CouchContext } from './couch-context.ts'
import { count } from './query-values.ts'
import { replicationUuid } from './replication-uuid.ts'

/** The CouchDB whose behaviour is the rule here. Clients and Fauxton look at it, not at ours. */
const COUCHDB_VERSION = '3.5.0'
const MAX_UUIDS = 1000

const uuidsQuery = z.object({ count: count.optional() })

/** What the server says of itself. */
export function serverRoutes({ store, version }: CouchContext): readonly Route[] {
  const welcome = ({ caller }: Pick<Call, 'caller'>): Answer => ({
    json: {
      couchdb: 'Welcome',
      version: COUCHDB_VERSION,
      uuid: replicationUuid(store, caller),
      features: [],
      vendor: { name: 'Divan', version },
    },
  })
  const uuids: Route<z.infer<typeof uuidsQuery>> = {
    method: 'GET',
    path: '/_uuids',
    access: 'public',
    query: uuidsQuery,
    handle: call => uuidsAnswer(call.query.count ?? 1),
  }
  return [
    { method: 'GET', path: '/', access: 'everyone', handle: welcome },
    {
      method: 'GET',
      path: '/_up',
      access: 'everyone',
      handle: () => ({ json: { status: 'ok', seeds: {} } }),
    },
    { method: 'GET', path: '/_active_tasks', access: 'admin', handle: () => ({ json: [] }) },
    uuids,
  ]
}

function uuidsAnswer(wanted: number): Answer {
  if (wanted > MAX_UUIDS) {
    throw new CouchError('bad_request', `count must not be above ${MAX_UUIDS}`)
  }
  return {
    headers: { 'Cache-Control': 'must-revalidate, no-cache', Pragma: 'no-cache' },
    json: { uuids: Array.from({ length: wanted }, () => randomBytes(16).toString('hex')) },
  }
}
