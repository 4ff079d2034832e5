import { ODD_ROW_MARK, type TextPage } from '../../store/text-page.ts'

/** About so many bytes are put together at once: some milliseconds, and what a client that does not read holds. */
const PAGE_BYTES = 256 * 1024
export const MAX_PAGE_ROWS = 1000
const MIN_PAGE_ROWS = 16
/** Rows of the first page where they have documents and nobody knows yet how large these are. */
export const FIRST_DOCS = 100

/** How many rows the next page may have, by what the last one took. */
export function nextPageRows({ rows, text }: TextPage<unknown>): number {
  if (rows === 0 || text.length === 0) return MAX_PAGE_ROWS
  return Math.round(Math.min(Math.max((PAGE_BYTES * rows) / text.length, MIN_PAGE_ROWS), MAX_PAGE_ROWS))
}

/** The page's text in its order, cut where an odd row stands, of which only the key is known. */
export function* textPieces<Key>({
  text,
  odd,
}: TextPage<Key>): Generator<Uint8Array | { readonly odd: Key }> {
  let from = 0
  for (const key of odd) {
    const at = text.indexOf(ODD_ROW_MARK, from)
    if (at > from) yield text.subarray(from, at)
    yield { odd: key }
    from = at + 1
  }
  if (from < text.length) yield text.subarray(from)
}
