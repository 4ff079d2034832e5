import type { ChangesQuery } from '../../store.ts'
import type { RowsAsText, TextPage } from '../../text-page.ts'
import type { Connection } from '../connection.ts'
import { pickedBy } from './changes.ts'
import { sqlLimit } from './id-range.ts'
import type { IssuedSequences } from './issued-sequences.ts'
import { EMPTY_PAGE, hasMembers, PAGE_COLUMNS, rowTextSql } from './row-text.ts'
import type { TypeIds } from './type-ids.ts'

export type ChangesText = {
  readonly query: ChangesQuery
  readonly as: RowsAsText
  readonly sequences: IssuedSequences
}

type Page = readonly [
  rows: number,
  text: Uint8Array | null,
  first: number | null,
  last: number | null,
  odd: string | null,
]

const NO_ROWS: Page = [0, null, null, null, null]
/** The parameters before the epoch. */
const UNUSED = [null, null, null, null] as const

/** For pages whose numbers are not all of one epoch. */
const EPOCH_OF_ROW =
  '(select epoch from epochs e where e.db = d.db and e.first <= d.seq order by e.first desc limit 1)'

/** `readChanges` as text. */
export function readChangesText(
  connection: Connection,
  db: number,
  asked: ChangesText,
  typeIds?: TypeIds,
): TextPage<number> {
  const { query, sequences } = asked
  if (query.limit <= 0) return EMPTY_PAGE
  if (!hasSequences(asked.as.template)) return readPage(connection, db, asked, { typeIds, epoch: undefined })
  return connection.atOnce(() => {
    const { after, upTo, descending, limit } = query
    const issuer = sequences.issuer(
      descending ? after - 1 : after + 1,
      descending ? after - 1 : (upTo ?? Number.POSITIVE_INFINITY),
    )
    // Most pages are of one epoch, which then is the same text in each row.
    const end = descending ? Math.max(upTo ?? 0, issuer.first) : Math.min(upTo ?? issuer.last, issuer.last)
    const page = readPage(
      connection,
      db,
      { ...asked, query: { ...query, upTo: end } },
      { typeIds, epoch: issuer.epoch },
    )
    const isWhole =
      page.rows >= sqlLimit(limit) || end === upTo || end === (descending ? 0 : Number.POSITIVE_INFINITY)
    return isWhole ? page : readPage(connection, db, asked, { typeIds, epoch: undefined })
  })
}

/** All have one, or none. A parameter that no row's text names cannot be bound. */
function hasSequences(template: RowsAsText['template']): boolean {
  return template.some(piece => 'value' in piece && piece.value === 'sequence')
}

/** With `epoch` all rows are of that one, and the template has their sequences. */
type How = { readonly typeIds: TypeIds | undefined; readonly epoch: string | undefined }

function readPage(
  connection: Connection,
  db: number,
  { query, as }: ChangesText,
  { typeIds, epoch }: How,
): TextPage<number> {
  const { sql, params } = pickedBy(connection, db, query, typeIds)
  const bodies = hasMembers(as.template) ? 'left join bodies w on w.key = (d.db << 32 | d.body)' : ''
  const [rows, text, first, last, odd] =
    connection.row<Page>(
      `select ${PAGE_COLUMNS}, min(n), max(n), group_concat(case when text is null then n end)
       from (select d.seq as n, ${rowTextSql(as, epoch === undefined ? EPOCH_OF_ROW : '?5')} as text
         from ${sql.from} ${bodies} ${sql.rest === '' ? 'limit -1' : sql.rest})`,
      ...params,
      ...(epoch === undefined ? [] : [...UNUSED.slice(params.length), epoch]),
    ) ?? NO_ROWS
  return {
    rows,
    last: (query.descending ? first : last) ?? undefined,
    text: text ?? EMPTY_PAGE.text,
    odd: odd === null ? [] : odd.split(',').map(Number),
  }
}
