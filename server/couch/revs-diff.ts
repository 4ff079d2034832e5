import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { isJsonObject } from '../../design-docs/json-object.ts'
import { CouchError } from '../couch-error.ts'
import type { Route } from '../http/route.ts'
import type { Database, RevsDiff } from '../store/store.ts'
import { type CouchContext, databaseRoute } from './couch-context.ts'
import { checkedRev } from './rev.ts'

/** Ids and revs only: this is a batch of some hundred thousand. */
const MAX_BYTES = 32 * 1024 * 1024
/** Documents of one read: each may need its whole history. */
const PORTION = 100

/** `POST /db/_revs_diff` and its older twin: which of a peer's revisions are missing here. */
export function revsDiffRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_revs_diff',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BYTES },
      async handle(call, database) {
        return { json: entriesOf(await diffOf(database, readRevs(call.body)), revsDiffOf) }
      },
    }),
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_missing_revs',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BYTES },
      async handle(call, database) {
        const diff = await diffOf(database, readRevs(call.body))
        return { json: { missing_revs: entriesOf(diff, ({ missing }) => missing) } }
      },
    }),
  ]
}

/** In portions, so that other clients have their turn between them. */
async function diffOf(
  database: Database,
  revs: readonly (readonly [string, readonly string[]])[],
): Promise<[string, RevsDiff][]> {
  const diff: [string, RevsDiff][] = []
  for (let at = 0; at < revs.length; at += PORTION) {
    if (at > 0) await setImmediate()
    diff.push(...database.revsDiff(new Map(revs.slice(at, at + PORTION))))
  }
  return diff
}

function revsDiffOf({ missing, possibleAncestors }: RevsDiff): unknown {
  return possibleAncestors.length === 0 ? { missing } : { missing, possible_ancestors: possibleAncestors }
}

function entriesOf(diffs: readonly [string, RevsDiff][], of: (diff: RevsDiff) => unknown): unknown {
  return Object.fromEntries(diffs.map(([id, diff]) => [id, of(diff)]))
}

/** `{id: [rev, …]}` */
function readRevs(body: unknown): [string, readonly string[]][] {
  if (!isJsonObject(body)) throw new CouchError('bad_request', 'Request body must be a JSON object')
  return Object.entries(body).map(([id, revs]) => {
    if (!Array.isArray(revs)) throw new CouchError('bad_request', `Expected a list of revs for "${id}"`)
    return [id, revs.map(rev => checkedRev(rev, id))]
  })
}
