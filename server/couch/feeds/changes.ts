import type { Caller } from '../../auth/caller.ts'
import { callerKey } from '../../http/caller-key.ts'
import { READ_TURNS } from '../../http/read-turns.ts'
import type { Answer, Call, Out, Route } from '../../http/route.ts'
import type { Database } from '../../store/store.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'
import { unquoted } from '../query-values.ts'
import { ChangesFeed } from './changes-feed.ts'
import {
  type ChangesBody,
  type ChangesQuery,
  changesBody,
  changesQuery,
  type FeedRequest,
  feedRequest,
} from './changes-query.ts'
import { FRAMES } from './feed-frame.ts'
import { FeedQuota } from './feed-quota.ts'
import { isAskedByRxdb, ListedPlaces } from './listed-places.ts'
import { expiryOf, LIVE_HEADERS, type LiveWait, startLiveWait } from './live-wait.ts'

const MAX_BYTES = 32 * 1024 * 1024

/** `GET` and `POST /db/_changes`: what changed after a place, as a page or as a live feed. */
export function changesRoutes(context: CouchContext): readonly Route[] {
  const kept = { quota: new FeedQuota(context.feedsPerToken), listed: new ListedPlaces() }
  return [
    databaseRoute(context, {
      method: 'GET',
      path: '/:db/_changes',
      query: changesQuery,
      handle: (call, database) => answerFeed({ call, database, ...kept }, undefined),
    }),
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_changes',
      query: changesQuery,
      body: { kind: 'json', schema: changesBody, maxBytes: MAX_BYTES },
      handle: (call, database) => answerFeed({ call, database, ...kept }, call.body),
    }),
  ]
}

type Asked = {
  readonly call: Call<ChangesQuery>
  readonly database: Database
  readonly quota: FeedQuota
  readonly listed: ListedPlaces
}

async function answerFeed(asked: Asked, body: ChangesBody | undefined): Promise<Answer> {
  const { call, database } = asked
  const eventId = call.headers['last-event-id']
  const query =
    typeof eventId === 'string' ? { ...call.query, 'last-event-id': unquoted(eventId) } : call.query
  const request = feedRequest(query, body)
  // What is left of a live feed's body are its few ids, and it may go on for as long as its token.
  if (request.feed !== 'normal') call.leaveRoom?.()
  const feed = new ChangesFeed(database, request, () => READ_TURNS.next(callerKey(call.caller)))
  // Before the client can act on the answer: with a log of a time this database does not know it would push nothing of that time.
  if (feed.isAhead) await database.forgetReplicationLogs()
  return {
    headers: { 'Content-Type': FRAMES[request.feed].contentType, ...LIVE_HEADERS },
    write: out => writeFeed(feed, asked, request, out),
  }
}

async function writeFeed(feed: ChangesFeed, asked: Asked, request: FeedRequest, out: Out): Promise<void> {
  const { call, database, quota } = asked
  const isLive = request.feed !== 'normal'
  const token = isLive ? tokenOf(call.caller) : undefined
  const lifeMs = token === undefined ? undefined : quota.enter(token)
  const wait = startLiveWait({
    subscribe: isLive ? listener => database.onChange(listener) : undefined,
    out,
    heartbeatMs: isLive ? request.heartbeatMs : undefined,
    timeoutMs: request.timeoutMs,
    signal: call.signal,
    expiresAt: endOf(call.caller, lifeMs),
  })
  try {
    await writeRows(feed, asked, request, wait)
  } finally {
    wait.close()
    if (token !== undefined) quota.leave(token)
  }
}

async function writeRows(
  feed: ChangesFeed,
  { call, database, listed }: Asked,
  request: FeedRequest,
  wait: LiveWait,
): Promise<void> {
  const { caller } = call
  const name = call.params.db ?? ''
  const isRxdb = isAskedByRxdb(request)
  if (request.feed === 'normal') {
    const end = await feed.writeNormal(wait)
    if (isRxdb && end !== undefined) listed.note(caller, name, end)
  } else if (request.feed === 'longpoll') {
    await feed.writeLongpoll(wait, isRxdb ? listed.nowOf(caller, name, database) : undefined)
  } else await feed.writeContinuous(wait)
}

/** When a feed has to end, whatever it asked for. */
function endOf(caller: Caller, lifeMs: number | undefined): number | undefined {
  const expiry = expiryOf(caller)
  return lifeMs === undefined ? expiry : Math.min(expiry ?? Number.POSITIVE_INFINITY, Date.now() + lifeMs)
}

/** Names a user's token: those of two devices are seldom issued for the same second. */
function tokenOf(caller: Caller): string | undefined {
  return caller.kind === 'user' ? `${caller.expiresAt} ${caller.sub}` : undefined
}
