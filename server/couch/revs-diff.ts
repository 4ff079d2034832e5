import { z } from 'zod'
import { CouchError } from '../couch-error.ts'
import type { Route } from '../http/route.ts'
import type { RevsDiff } from '../store/store.ts'
import { type CouchContext, databaseRoute } from './couch-context.ts'
import { isRev } from './rev.ts'

/** Ids and revs only: this is a batch of some hundred thousand. */
const MAX_BYTES = 32 * 1024 * 1024

/** `POST /db/_revs_diff` and its older twin: which of a peer's revisions are missing here. */
export function revsDiffRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_revs_diff',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BYTES },
      handle(call, database) {
        return { json: entriesOf(database.revsDiff(readRevs(call.body)), revsDiffOf) }
      },
    }),
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_missing_revs',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BYTES },
      handle(call, database) {
        return {
          json: { missing_revs: entriesOf(database.revsDiff(readRevs(call.body)), diff => diff.missing) },
        }
      },
    }),
  ]
}

function revsDiffOf({ missing, possibleAncestors }: RevsDiff): unknown {
  return possibleAncestors.length === 0 ? { missing } : { missing, possible_ancestors: possibleAncestors }
}

function entriesOf(diffs: ReadonlyMap<string, RevsDiff>, of: (diff: RevsDiff) => unknown): unknown {
  return Object.fromEntries([...diffs].map(([id, diff]) => [id, of(diff)]))
}

/** `{id: [rev, …]}` */
function readRevs(body: unknown): Map<string, readonly string[]> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new CouchError('bad_request', 'Request body must be a JSON object')
  const revs = new Map<string, readonly string[]>()
  for (const [id, list] of Object.entries(body)) {
    if (!Array.isArray(list)) throw new CouchError('bad_request', `Expected a list of revs for "${id}"`)
    if (!list.every(isRev)) throw new CouchError('bad_request', 'Invalid rev format')
    revs.set(id, list)
  }
  return revs
}
