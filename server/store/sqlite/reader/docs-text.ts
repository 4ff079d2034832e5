import type { DocsQuery } from '../../store.ts'
import type { RowsAsText, TextPage } from '../../text-page.ts'
import type { Connection } from '../connection.ts'
import { fromStoredId } from '../stored-id.ts'
import { inOrder, inRange } from './id-range.ts'
import { EMPTY_PAGE, hasMembers, PAGE_COLUMNS, rowTextSql } from './row-text.ts'

type Page = readonly [
  rows: number,
  text: Uint8Array | null,
  first: string | null,
  last: string | null,
  odd: string,
]

/** One page of the live documents of a range as text. */
export function readDocsText(
  connection: Connection,
  db: number,
  query: DocsQuery,
  as: RowsAsText,
): TextPage<string> {
  if (query.limit <= 0) return EMPTY_PAGE
  const range = inRange('d.id', query)
  const order = inOrder('d.id', query)
  const bodies = hasMembers(as.template) ? 'join bodies w on w.key = (d.db << 32 | d.body)' : ''
  const [rows, text, first, last, odd] =
    connection.row<Page>(
      `select ${PAGE_COLUMNS}, min(id), max(id), json_group_array(id) filter (where text is null)
       from (select d.id, ${rowTextSql(as)} as text from docs d ${bodies}
         where d.db = ? and d.deleted = 0${range.sql}${order.sql})`,
      db,
      ...range.params,
      ...order.params,
    ) ?? NO_ROWS
  const end = query.descending ? first : last
  return {
    rows,
    last: end === null ? undefined : fromStoredId(end),
    text: text ?? EMPTY_PAGE.text,
    odd: (JSON.parse(odd) as string[]).map(fromStoredId),
  }
}

const NO_ROWS: Page = [0, null, null, null, '[]']
