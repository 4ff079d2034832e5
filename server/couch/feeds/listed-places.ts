import type { Caller } from '../../auth/caller.ts'
import { BoundedMap } from '../../bounded-map.ts'
import { callerKey } from '../../http/caller-key.ts'
import type { Database } from '../../store/store.ts'
import type { FeedRequest } from './changes-query.ts'

/** Longer than RxDB waits between two attempts, and than a request waits for one of a browser's six connections. */
const RECENT_MS = 10 * 60 * 1000
/** Some hundred bytes each. */
const MAX_PLACES = 10_000

/** Where a client was in a feed when it had listed all there was. */
type Listing = { readonly n: number; readonly at: number }

/** A user's listings of one database: the first that is recent, for he may have several devices, and the last one. */
type Listed = { readonly first: Listing; readonly last: Listing }

/**
 * Up to where RxDB's clients have listed. RxDB lists what is there and, beside that, asks for now until it is answered. If that succeeds
 * later than the listing, what was written between the two is never pulled. So it is told the place of its listing for now.
 */
export class ListedPlaces {
  readonly #places = new BoundedMap<string, Listed>(MAX_PLACES)
  readonly #startedAt = Date.now()

  /** `name` is what the path calls the database. */
  note(caller: Caller, name: string, n: number): void {
    const key = keyOf(caller, name)
    const last = { n, at: Date.now() }
    this.#places.set(key, { first: this.#recent(key) ?? last, last })
  }

  /** What to call now. Infinity: what it is. */
  nowOf(caller: Caller, name: string, database: Database): number {
    const listed = this.#recent(keyOf(caller, name))
    if (listed !== undefined) return listed.n
    const before = (time: number) => database.place(new Date(time).toISOString()).n
    // It may have been forgotten for others.
    if (this.#places.size >= MAX_PLACES) return before(Date.now() - RECENT_MS)
    if (!isRecent(this.#startedAt)) return Number.POSITIVE_INFINITY
    // It may have listed before the server was started again, unless there was nothing yet.
    return before(this.#startedAt) === 0 ? Number.POSITIVE_INFINITY : before(this.#startedAt - RECENT_MS)
  }

  /** The earlier one counts: the other may be another device's. */
  #recent(key: string): Listing | undefined {
    const { first, last } = this.#places.get(key) ?? {}
    return [first, last].find(listing => listing !== undefined && isRecent(listing.at))
  }
}

/** How RxDB asks: documents, all leaves and a limit. No other client of note has all three. */
export function isAskedByRxdb({ includeDocs, allLeaves, limit, descending }: FeedRequest): boolean {
  return includeDocs && allLeaves && Number.isFinite(limit) && !descending
}

function isRecent(time: number): boolean {
  return Date.now() - time < RECENT_MS
}

/** By the user, not by his token: that may be renewed between listing and now. */
function keyOf(caller: Caller, name: string): string {
  return `${name} ${callerKey(caller)}`
}
