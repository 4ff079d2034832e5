import type { Caller } from '../../auth/caller.ts'
import { CouchError } from '../../couch-error.ts'
import type { Call, Route } from '../../http/route.ts'
import type { Database } from '../../store/store.ts'
import { checkedDocId, isDesignDocId } from '../content/checked-doc-id.ts'
import { isOverlaid } from '../content/design-overlay.ts'
import { type CouchContext, type DatabaseRoute, databaseRoute } from '../couch-context.ts'

/**
 * The routes of something below a document. A design document's id has a slash that clients may leave as it is, so each of these
 * has two paths: `/db/id…` and `/db/_design/name…`.
 */
export function docRoutes<Query, Body>(
  context: CouchContext,
  below: '' | '/*name',
  parts: Omit<DatabaseRoute<Query, Body>, 'path'>,
): readonly Route<Query, Body>[] {
  return ['/:db/:doc', '/:db/_design/:ddoc'].map(path =>
    databaseRoute(context, { ...parts, path: `${path}${below}` }),
  )
}

/** The id that such a path names. */
export function docIdOf({ params }: Pick<Call, 'params'>): string {
  return checkedDocId(params.ddoc === undefined ? params.doc : `_design/${params.ddoc}`)
}

/** Design documents hold code that runs for all who use a database: they are admins' to write, except for those that are ours. */
export function checkMayWrite(caller: Caller, database: Database, id: string): void {
  if (!isDesignDocId(id)) return
  if (isOverlaid(database, id))
    throw new CouchError('forbidden', `${id} is the server's own in users' databases: take another name.`)
  if (caller.kind !== 'admin') throw new CouchError('forbidden', 'Only admins may write design documents.')
}

/** Clients refuse an answer whose headers are longer than some KiB, and would take the write for failed. */
const MAX_LOCATION_CHARS = 4096

/** Where a document is, for `Location`. Undefined if that is too long for a header. */
export function locationOf(
  { origin, params }: Pick<Call, 'origin' | 'params'>,
  ...names: string[]
): string | undefined {
  const location = [origin, encodeURIComponent(params.db ?? ''), ...names.map(encodeURIComponent)].join('/')
  return location.length > MAX_LOCATION_CHARS ? undefined : location
}
