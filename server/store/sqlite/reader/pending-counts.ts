import { BoundedMap } from '../../../bounded-map.ts'
import type { Connection } from '../connection.ts'
import { noDatabase } from '../no-database.ts'

/** What a database was like when it was counted: while it is the same, the count is good. */
type State = readonly [updateSeq: number, docs: number, purgeSeq: number]
/** How many documents changed last after a number. */
type Counted = { readonly n: number; readonly after: number }
type Known = Counted & { readonly state: State }

const MAX_KNOWN = 1000

/**
 * How many documents changed last after a number. The counters know how many there are, so only what lies between the number and the
 * nearest place of which it is known is counted: the beginning, the end, or where somebody asked last. So who reads page by page is told
 * for the price of a page; without the last one a quarter of the database was counted for each, on average.
 */
export class PendingCounts {
  readonly #known = new BoundedMap<number, Known>(MAX_KNOWN)

  /** After `n`; before it if `descending`. */
  count(connection: Connection, db: number, n: number, descending: boolean): number {
    return connection.atOnce(() => {
      const state = readState(connection, db)
      const [updateSeq, docs] = state
      const at = Math.max(0, Math.min(descending ? n - 1 : n, updateSeq))
      const after = countFrom(connection, db, at, this.#nearest(db, at, state))
      this.#known.set(db, { n: at, after, state })
      return descending ? docs - after : after
    })
  }

  #nearest(db: number, n: number, state: State): Counted {
    const [updateSeq, docs] = state
    const known = this.#known.get(db)
    const places: Counted[] = [{ n: updateSeq, after: 0 }]
    if (known?.state.every((value, index) => value === state[index])) places.push(known)
    return places.reduce((one, other) => (Math.abs(other.n - n) < Math.abs(one.n - n) ? other : one), {
      n: 0,
      after: docs,
    })
  }
}

function readState(connection: Connection, db: number): State {
  const state = connection.row<State>(
    'select update_seq, doc_count + doc_del_count, purge_seq from databases where db = ? and deleted = 0',
    db,
  )
  if (state === undefined) throw noDatabase()
  return state
}

function countFrom(connection: Connection, db: number, n: number, from: Counted): number {
  if (n === from.n) return from.after
  const row = connection.row<[number]>(
    'select count(*) from docs where db = ? and seq > ? and seq <= ?',
    db,
    Math.min(n, from.n),
    Math.max(n, from.n),
  )
  const between = row?.[0] ?? 0
  return n > from.n ? from.after - between : from.after + between
}
