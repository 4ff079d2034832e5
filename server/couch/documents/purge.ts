import { z } from 'zod'
import { isJsonObject } from '../../../design-docs/json-object.ts'
import { CouchError } from '../../couch-error.ts'
import type { Route } from '../../http/route.ts'
import { checkedRev } from '../content/rev.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'

const MAX_BYTES = 1024 * 1024
/** Documents and revs of one request. They are purged in one transaction, and others' writes wait for it. */
const MAX_NAMES = 1000

/** `POST /db/_purge`: forgets leaves. Each document asked for is in the answer, with the revs that are forgotten now. */
export function purgeRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_purge',
      access: 'admin',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BYTES },
      async handle(call, database) {
        const asked = readAsked(call.body)
        const purged = await database.purge(asked)
        const revs = Array.from(asked.keys(), id => [id, purged.get(id) ?? []] as const)
        return { status: 201, json: { purge_seq: null, purged: Object.fromEntries(revs) } }
      },
    }),
  ]
}

function readAsked(body: unknown): ReadonlyMap<string, readonly string[]> {
  if (!isJsonObject(body)) throw new CouchError('bad_request', 'Request body must be a JSON object')
  const asked = new Map(Object.entries(body).map(([id, revs]) => [id, readRevs(id, revs)]))
  const names = Array.from(asked.values()).reduce((sum, revs) => sum + 1 + revs.length, 0)
  if (names > MAX_NAMES)
    throw new CouchError('bad_request', `Exceeded maximum number of documents and revisions (${MAX_NAMES}).`)
  return asked
}

function readRevs(id: string, revs: unknown): readonly string[] {
  if (Array.isArray(revs)) return revs.map(rev => checkedRev(rev, id))
  throw new CouchError('bad_request', `${JSON.stringify(id)} must have a list of revs`)
}
