import type { NameRange } from '../../store.ts'
import type { SqlValue } from '../connection.ts'
import { toStoredId } from '../stored-id.ts'

/** Conditions on a column, as SQL that begins with `and`, and their parameters. */
export type Condition = { readonly sql: string; readonly params: readonly SqlValue[] }

type Bounds = Pick<NameRange, 'startKey' | 'inclusiveStart' | 'endKey' | 'inclusiveEnd' | 'descending'>

/** The rows from `startKey` to `endKey` in the direction of reading. There are few such texts: they are prepared. */
export function inRange(column: string, range: Bounds): Condition {
  const [from, to] = range.descending ? ['<', '>'] : ['>', '<']
  const parts: string[] = []
  const params: SqlValue[] = []
  if (range.startKey !== undefined) {
    parts.push(` and ${column} ${from}${range.inclusiveStart === false ? '' : '='} ?`)
    params.push(toStoredId(range.startKey))
  }
  if (range.endKey !== undefined) {
    parts.push(` and ${column} ${to}${range.inclusiveEnd === false ? '' : '='} ?`)
    params.push(toStoredId(range.endKey))
  }
  return { sql: parts.join(''), params }
}

/** Order, limit and offset of a range. */
export function inOrder(column: string, { descending, limit, skip }: NameRange): Condition {
  return {
    sql: ` order by ${column}${descending ? ' desc' : ''} limit ? offset ?`,
    params: [sqlLimit(limit), skip ?? 0],
  }
}

/** A read ends after so many rows, however many were asked for: the thread is not only for this caller. */
const PAGE_ROWS = 10_000

/** How many rows a page may have. */
export function sqlLimit(limit: number): number {
  return Math.min(limit, PAGE_ROWS)
}
