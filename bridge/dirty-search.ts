import type pg from 'pg'
import { pause } from './back-off.ts'
import { lookAtShape } from './descriptions/record.ts'
import type { BridgePart, Failures } from './failures.ts'
import { dirtyDatabases, stillDirty } from './marks.ts'
import type { TroubledDatabases } from './troubled-databases.ts'
import type { WorkQueue } from './work-queue.ts'

/** What the search works with. */
export type SearchContext = {
  readonly pool: pg.Pool
  readonly queue: WorkQueue
  readonly troubled: TroubledDatabases
  readonly failures: Failures
  readonly signal: AbortSignal
}

const SEARCH: BridgePart = 'the search for dirty databases'

/** How often dirty databases are looked for that no one told this bridge of: another bridge's, or after a failure. */
const SEARCH_MS = 2000

/** How many dirty databases are taken from Postgres at once. */
const SEARCH_LIMIT = 1000

/** Finds databases that another bridge has marked and left, and those that failed here a while ago. */
export async function searchDirty(context: SearchContext): Promise<void> {
  const { queue, failures, signal } = context
  while (!signal.aborted) {
    let mayBeMore = false
    try {
      mayBeMore = await searchOnce(context)
      failures.over(SEARCH)
    } catch (error) {
      if (failures.mustEnd(error)) return queue.close()
      if (!signal.aborted) failures.ofPart(SEARCH, error)
    }
    await pause((mayBeMore ? SEARCH_MS / 10 : SEARCH_MS) * (0.75 + Math.random() / 2), signal)
  }
}

/** True if there may be more than were taken. */
async function searchOnce({ pool, queue, troubled }: SearchContext): Promise<boolean> {
  await lookAtShape(pool)
  let mayBeMore = false
  if (queue.waiting < SEARCH_LIMIT / 2) {
    const found = await dirtyDatabases(pool, queue.resting(), SEARCH_LIMIT)
    queue.add(shuffled(found))
    mayBeMore = found.length === SEARCH_LIMIT
  }
  // A database in trouble that another bridge has mirrored, or that is gone, is in trouble no more.
  const { failing } = troubled
  if (failing.length > 0) queue.wake(troubled.keep(await stillDirty(pool, failing)))
  return mayBeMore
}

/** Two bridges that find the same databases begin with different ones. */
function shuffled(databases: readonly string[]): string[] {
  return databases
    .map(database => ({ database, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ database }) => database)
}
