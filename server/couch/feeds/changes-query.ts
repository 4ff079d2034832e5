import { z } from 'zod'
import { CouchError } from '../../couch-error.ts'
import { count, flag, jsonTexts, unquoted } from '../query-values.ts'

/** CouchDB's: how long a feed without heartbeats waits, at most. */
const MAX_TIMEOUT_MS = 60_000
const DEFAULT_HEARTBEAT_MS = 60_000

/** Of the `doc_ids` of a live feed together: some two thousand of the usual length. */
const MAX_LIVE_ID_CHARS = 128 * 1024
/** What each of them takes besides. */
const ID_CHARS = 16

const heartbeat = z.union(
  [
    z.literal('true').transform(() => DEFAULT_HEARTBEAT_MS),
    z
      .string()
      .regex(/^0*[1-9]\d{0,9}$/)
      .transform(Number),
  ],
  'it must be a positive integer (in milliseconds) or true',
)

/** As CouchDB writes sequences, or a time: the `+` of its offset is a space in a query where the client did not encode it. */
const since = z.string().transform(text => unquoted(text).replace(/ (?=\d\d:\d\d$)/, '+'))

/** The parameters of `_changes`. Others, which a filter function may read, are no mistake. */
export const changesQuery = z.object({
  feed: z.enum(['normal', 'longpoll', 'continuous', 'live', 'eventsource']).optional(),
  style: z.enum(['main_only', 'all_docs']).optional(),
  since: since.optional(),
  'last-event-id': z.string().transform(unquoted).optional(),
  limit: count.optional(),
  heartbeat: heartbeat.optional(),
  timeout: count.optional(),
  include_docs: flag.optional(),
  attachments: flag.optional(),
  conflicts: flag.optional(),
  descending: flag.optional(),
  seq_interval: count.optional(),
  filter: z.string().optional(),
  doc_ids: jsonTexts.optional(),
  last_live: flag.optional(),
})

export type ChangesQuery = z.infer<typeof changesQuery>

/** The body of `POST _changes`, which may be empty. */
export const changesBody = z
  .object({
    // One check for the whole list: with one for each member a list of millions would fail in as many issues.
    doc_ids: z
      .custom<readonly string[]>(isTexts, '`doc_ids` filter parameter is not a list of doc ids')
      .optional(),
  })
  .optional()

export type ChangesBody = z.infer<typeof changesBody>

/** A feed as it was asked for. */
export type FeedRequest = {
  readonly feed: 'normal' | 'longpoll' | 'continuous' | 'eventsource'
  readonly since: string
  /** How many rows at most. */
  readonly limit: number
  readonly heartbeatMs: number | undefined
  readonly timeoutMs: number | undefined
  readonly allLeaves: boolean
  readonly includeDocs: boolean
  readonly attachments: boolean
  readonly conflicts: boolean
  readonly descending: boolean
  /** Every how many rows one has its seq. */
  readonly seqInterval: number
  readonly lastLive: boolean
  readonly filter: Filter
}

export type Filter =
  | { readonly kind: 'none' }
  | { readonly kind: 'ids'; readonly ids: ReadonlySet<string> }
  | { readonly kind: 'design' }

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(one => typeof one === 'string')
}

/** @throws CouchError for a filter that is not there. */
export function feedRequest(query: ChangesQuery, body: ChangesBody | undefined): FeedRequest {
  const feed = feedOf(query)
  const filter = filterOf(query, body)
  if (feed !== 'normal') checkLiveIds(filter)
  return {
    feed,
    since: query['last-event-id'] ?? query.since ?? '0',
    limit: query.limit ?? Number.POSITIVE_INFINITY,
    heartbeatMs: query.heartbeat,
    timeoutMs: timeoutOf(query),
    allLeaves: query.style === 'all_docs',
    includeDocs: query.include_docs === true,
    attachments: query.attachments === true,
    conflicts: query.conflicts === true,
    descending: query.descending === true,
    seqInterval: query.seq_interval || 1,
    lastLive: query.last_live === true,
    filter,
  }
}

/** A live feed holds its ids for as long as it lives, and there may be thousands of feeds. */
function checkLiveIds(filter: Filter): void {
  if (filter.kind !== 'ids') return
  let chars = ID_CHARS * filter.ids.size
  for (const id of filter.ids) chars += id.length
  if (chars <= MAX_LIVE_ID_CHARS) return
  throw new CouchError(
    'too_large',
    'A live feed takes a few thousand `doc_ids` at most; `feed=normal` takes more',
  )
}

/** A feed that runs backwards has an end, so it never waits. */
function feedOf({ feed, descending }: ChangesQuery): FeedRequest['feed'] {
  if (feed === undefined || (descending && feed === 'longpoll')) return 'normal'
  return feed === 'live' ? 'continuous' : feed
}

/** With heartbeats a feed waits as long as it was told to, else for ever. */
export function timeoutOf({
  timeout,
  heartbeat,
}: Pick<ChangesQuery, 'timeout' | 'heartbeat'>): number | undefined {
  if (heartbeat !== undefined) return timeout
  return Math.min(timeout ?? MAX_TIMEOUT_MS, MAX_TIMEOUT_MS)
}

function filterOf({ filter, doc_ids }: ChangesQuery, body: ChangesBody | undefined): Filter {
  if (filter === undefined || filter === '') return { kind: 'none' }
  if (filter === '_design') return { kind: 'design' }
  if (filter === '_doc_ids') return { kind: 'ids', ids: docIds(body?.doc_ids ?? doc_ids) }
  if (filter === '_selector' || filter === '_view')
    throw new CouchError('bad_request', `filter=${filter} is not available yet`)
  throw new CouchError('not_found', `missing filter: ${filter}`)
}

function docIds(ids: readonly string[] | undefined): ReadonlySet<string> {
  if (ids !== undefined) return new Set(ids)
  throw new CouchError('bad_request', '`doc_ids` filter parameter is not a list of doc ids')
}
