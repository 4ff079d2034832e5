import type { NameRange } from '../../store/store.ts'

/** Rows of one read. Bodies end a page earlier, see `Database.docs`. */
const PAGE_ROWS = 1000

/** The rows of a range, page by page: nothing of the store is held while the client takes its time. */
export function* rowsInPages<Row extends { readonly id: string }>(
  range: NameRange,
  read: (page: NameRange) => readonly Row[],
): Generator<Row> {
  let left = range.limit
  let page = range
  while (left > 0) {
    const rows = read({ ...page, limit: Math.min(left, PAGE_ROWS) })
    const last = rows.at(-1)
    if (last === undefined) return
    yield* rows
    left -= rows.length
    // After the last row's id, not at a number of rows: to skip by number would lose one after a deletion.
    page = { ...range, startKey: last.id, inclusiveStart: false, skip: 0 }
  }
}
