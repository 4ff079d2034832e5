import type { Caller } from '../auth/caller.ts'
import { BoundedMap } from '../bounded-map.ts'
import type { Database } from '../store/store.ts'
import type { FeedRequest } from './changes-query.ts'

/** Longer than RxDB waits between two attempts, and than a request waits for one of a browser's six connections. */
const RECENT_MS = 10 * 60 * 1000
/** Some hundred bytes each. */
const MAX_PLACES = 10_000

/** Where a client was in a feed when it had listed all there was. */
type Listed = { readonly n: number; readonly at: number }

/**
 * Up to where RxDB's clients have listed. RxDB lists what is there and, beside that, asks for now until it is answered. If that succeeds
 * later than the listing, what was written between the two is never pulled. So it is told the place of its listing for now.
 */
export class ListedPlaces {
  readonly #places = new BoundedMap<string, Listed>(MAX_PLACES)
  readonly #startedAt = Date.now()

  /** `name` is what the path calls the database. A listing before a recent one counts: another device may have the same token. */
  note(caller: Caller, name: string, n: number): void {
    const key = keyOf(caller, name)
    const known = this.#places.get(key)
    if (known === undefined || !isRecent(known.at)) this.#places.set(key, { n, at: Date.now() })
  }

  /** What to call now. Infinity: what it is. */
  nowOf(caller: Caller, name: string, database: Database): number {
    const listed = this.#places.get(keyOf(caller, name))
    if (listed !== undefined && isRecent(listed.at)) return listed.n
    if (!isRecent(this.#startedAt)) return Number.POSITIVE_INFINITY
    // It may have listed before the server was started again, unless there was nothing yet.
    const before = (time: number) => database.place(new Date(time).toISOString()).n
    return before(this.#startedAt) === 0 ? Number.POSITIVE_INFINITY : before(this.#startedAt - RECENT_MS)
  }
}

/** How RxDB asks: documents, all leaves and a limit. No other client of note has all three. */
export function isAskedByRxdb({ includeDocs, allLeaves, limit, descending }: FeedRequest): boolean {
  return includeDocs && allLeaves && Number.isFinite(limit) && !descending
}

function isRecent(time: number): boolean {
  return Date.now() - time < RECENT_MS
}

function keyOf(caller: Caller, name: string): string {
  return JSON.stringify([caller.kind === 'user' ? [caller.sub, caller.expiresAt] : caller.kind, name])
}
