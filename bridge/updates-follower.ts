import type pg from 'pg'
import { pause } from './back-off.ts'
import type { CouchClient } from './couch-client.ts'
import { type FeedPlace, readFeedPlace, storeFeedPlace, takeFeedPlace } from './feed-place.ts'
import { markAllMirrored, markDirty } from './marks.ts'
import {
  answered,
  inLongTransaction,
  inLookingTransaction,
  inTransaction,
  single,
} from './postgres-client.ts'
import { isMirrored } from './source.ts'
import { UnclaimedRows } from './unclaimed-rows.ts'
import { allDatabases, serverUuid, type UpdatesPage, updatesCursor, waitForUpdates } from './updates-feed.ts'

export type FollowContext = {
  readonly client: CouchClient
  readonly pool: pg.Pool
  readonly signal: AbortSignal
  /** Told of databases that this bridge has marked, after their marks are committed. */
  readonly marked: (databases: readonly string[]) => void
}

/**
 * Finds out where to go on in the feed of changed databases. A first start, or a start with another server than
 * before, takes the feed's end first and then marks every database there is: what changes in between is in both.
 * The end is asked for in any case: a server tells its id to everyone, but its feed only to an admin, and a bridge
 * without the rights must end here instead of trying for ever.
 */
export async function findFeedPlace(context: FollowContext): Promise<FeedPlace> {
  const { client, pool, signal } = context
  const end = await feedsEnd(client, signal)
  const stored = await single(pool, readFeedPlace)
  if (stored?.serverUuid === end.serverUuid) return stored
  const rows = stored === undefined ? await inLongTransaction(pool, UnclaimedRows.find) : undefined
  return await markEverything(context, end, rows)
}

/** Whose feed it is, and its end as it is now. */
async function feedsEnd(client: CouchClient, signal: AbortSignal): Promise<FeedPlace> {
  return { serverUuid: await serverUuid(client, signal), cursor: await updatesCursor(client, signal) }
}

/**
 * Marks all databases of the server, and all that were ever mirrored: some of these may be gone. `end` is the feed's
 * end, taken before. Marks are harmless, so a bridge that dies half-way leaves only work that is done twice.
 */
async function markEverything(
  context: FollowContext,
  end: FeedPlace,
  rows?: UnclaimedRows | undefined,
): Promise<FeedPlace> {
  const { client, pool, signal } = context
  for await (const names of allDatabases(client, signal)) {
    const databases = names.filter(isMirrored)
    const unclaimed = rows?.claim(databases)
    await inTransaction(pool, sql => markDirty(sql, { databases, remade: [], unclaimed }))
    context.marked(databases)
  }
  await inLongTransaction(pool, async sql => {
    // First, for it waits for batches, and these for marks that are not committed.
    await rows?.remove(sql)
    await markAllMirrored(sql)
    await storeFeedPlace(sql, end)
  })
  return end
}

/** How long to wait before asking again for what led to nothing. */
const PAUSE_MS = 100

/** Waits for the next page of the feed and turns it into marks. Returns where the feed goes on. */
export async function followUpdates(context: FollowContext, from: FeedPlace): Promise<FeedPlace> {
  const { client, signal } = context
  const page = await waitForUpdates(client, from.cursor, signal)
  if (page.rewound) return await markEverything(context, await feedsEnd(client, signal))
  const next = { ...from, cursor: page.cursor }
  if (page.cursor === from.cursor && page.names.length === 0) {
    // A server that closes answers at once with nothing; asking again without a pause would be a busy loop.
    await pause(PAUSE_MS, context.signal)
    return from
  }
  if (await storeMarks(context, { from, page, next })) return next
  return await otherPlace(context, from)
}

/** A page that another bridge is at is looked for again after so long, if it still is. */
const TAKEN_PAUSE_MS = 1000

/**
 * Where to go on when the stored place is not the one this bridge knows, or not to be had: another bridge has moved it,
 * or is about to; or this is another Postgres than a moment ago, a restored one, with an older place or none.
 */
async function otherPlace(context: FollowContext, from: FeedPlace): Promise<FeedPlace> {
  // A random part: two bridges that asked at the same moment should not ask together again.
  await pause(Math.random() * PAUSE_MS, context.signal)
  const stored = await single(context.pool, readFeedPlace)
  if (stored?.serverUuid !== from.serverUuid) return await findFeedPlace(context)
  if (stored.cursor === from.cursor) await pause(Math.random() * TAKEN_PAUSE_MS, context.signal)
  return stored
}

type MarksToStore = { readonly from: FeedPlace; readonly page: UpdatesPage; readonly next: FeedPlace }

/** False if another bridge has stored this page, or is about to. */
async function storeMarks(context: FollowContext, { from, page, next }: MarksToStore): Promise<boolean> {
  const databases = page.names.filter(isMirrored)
  const stored = await inLookingTransaction(context.pool, {
    look: sql => takeFeedPlace(sql, from.cursor),
    async work(sql, isTaken) {
      if (!isTaken) return false
      const marking = markDirty(sql, { databases, remade: page.remade.filter(isMirrored) })
      await answered([marking, storeFeedPlace(sql, next)])
      return true
    },
  })
  if (stored) context.marked(databases)
  return stored
}
