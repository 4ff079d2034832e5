import { z } from 'zod'
import { CouchError } from '../../couch-error.ts'
import type { Answer, Route } from '../../http/route.ts'
import { TextWriter } from '../../http/text-writer.ts'
import type { NameRange, Store } from '../../store/store.ts'
import type { CouchContext } from '../couch-context.ts'
import { count, flag, jsonValue } from '../query-values.ts'
import { factsAnswer } from './database-facts.ts'

const MAX_KEYS = 100
const MAX_BODY_BYTES = 1024 * 1024
/** Names of one read. */
const PAGE_SIZE = 500

const name = jsonValue.pipe(z.string('it must be a JSON string'))
const namesQuery = z.object({
  startkey: name.optional(),
  start_key: name.optional(),
  endkey: name.optional(),
  end_key: name.optional(),
  inclusive_end: flag.optional(),
  descending: flag.optional(),
  skip: count.optional(),
  limit: count.optional(),
})
type NamesQuery = z.infer<typeof namesQuery>

const keysBody = z.object({ keys: z.array(z.string()) })

/** The list of all databases, and their facts in bulk. */
export function databasesInfoRoutes({ store }: CouchContext): readonly Route[] {
  const allDbs: Route<NamesQuery> = {
    method: 'GET',
    path: '/_all_dbs',
    access: 'admin',
    query: namesQuery,
    handle: call => listAnswer(databaseNames(store, call.query)),
  }
  const dbsInfo: Route<NamesQuery> = {
    ...allDbs,
    path: '/_dbs_info',
    handle: call => listAnswer(rowsOf(store, databaseNames(store, call.query))),
  }
  const dbsInfoByKeys: Route<unknown, z.infer<typeof keysBody>> = {
    method: 'POST',
    path: '/_dbs_info',
    access: 'admin',
    body: { kind: 'json', schema: keysBody, maxBytes: MAX_BODY_BYTES },
    handle: call => infoByKeys(store, call.body.keys),
  }
  return [allDbs, dbsInfo, dbsInfoByKeys]
}

function infoByKeys(store: Store, keys: readonly string[]): Answer {
  if (keys.length > MAX_KEYS) throw new CouchError('bad_request', `Only ${MAX_KEYS} keys at once`)
  return { json: keys.map(key => infoRow(store, key)) }
}

function listAnswer(values: Iterable<unknown>): Answer {
  return {
    async write(out) {
      const writer = new TextWriter(out)
      await writer.addAll(listPieces(values))
      await writer.flush()
    },
  }
}

/** One value a line. */
function* listPieces(values: Iterable<unknown>): Generator<string> {
  let separator = '[\n'
  for (const value of values) {
    yield separator + JSON.stringify(value)
    separator = ',\n'
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n'
}

function* rowsOf(store: Store, names: Iterable<string>): Iterable<unknown> {
  for (const name of names) yield infoRow(store, name)
}

function infoRow(store: Store, key: string) {
  const database = store.database(key)
  return database === undefined ? { key, error: 'not_found' } : { key, info: factsAnswer(database) }
}

/** All names of a range, read page by page: there may be a hundred thousand. */
function* databaseNames(store: Store, query: NamesQuery): Iterable<string> {
  let range: NameRange = {
    startKey: query.startkey ?? query.start_key,
    endKey: query.endkey ?? query.end_key,
    inclusiveEnd: query.inclusive_end,
    descending: query.descending,
    skip: query.skip,
    limit: PAGE_SIZE,
  }
  for (let left = query.limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
    const page = store.databaseNames({ ...range, limit: Math.min(left, PAGE_SIZE) })
    yield* page
    left -= page.length
    if (page.length < PAGE_SIZE) return
    range = { ...range, startKey: page.at(-1), skip: 1 }
  }
}
