import assert from 'node:assert/strict'
import type { OddRow, RowPiece, RowsAsText, RowValue, TextPage } from '../../text-page.ts'
import { ODD_ROW_MARK } from '../../text-page.ts'

/**
 * A row with more bytes than that is odd. A page is put together at once, so this and its number of rows bound what it holds; and for
 * so long a text it does not matter how it is made.
 */
const MAX_TEXT_BYTES = 8 * 1024

export const EMPTY_PAGE: TextPage<never> = { rows: 0, last: undefined, text: new Uint8Array(0), odd: [] }

/** A row's text as an SQL expression over `docs d` and, with its members, `bodies w`; null for an odd row. `sequence` is the suffix of sequences in SQL. */
export function rowTextSql({ template, odd }: RowsAsText, epoch = "''"): string {
  const conditions = [...BASE_ODD, ...odd.map(kind => ODD[kind]), ...(hasMembers(template) ? LARGE : [])]
  const text = template.map(piece => pieceSql(piece, epoch)).join(' || ')
  return `case when ${conditions.join(' or ')} then null else ${text} end`
}

export function hasMembers(template: RowsAsText['template']): boolean {
  return template.some(piece => 'value' in piece && piece.value === 'members')
}

/** The columns that `select … from (select key, text …)` gives of a page. */
export const PAGE_COLUMNS = `count(*), cast(group_concat(coalesce(text, char(${ODD_ROW_MARK})), '') as blob)`

/** See stored-id.ts. */
const BASE_ODD = ['instr(d.id, char(1))']
const LARGE = ['w.attachments is not null', `d.bytes > ${MAX_TEXT_BYTES}`]
const ODD: Readonly<Record<OddRow, string>> = { branched: 'd.branched = 1', deleted: 'd.deleted = 1' }

const VALUES: Readonly<Record<Exclude<RowValue, 'sequence'>, string>> = {
  id: 'json_quote(d.id)',
  rev: 'd.rev',
  time: 'd.time',
  members: "case when w.body = '{}' then '}' else ',' || substr(w.body, 2) end",
}

function pieceSql(piece: RowPiece, epoch: string): string {
  if ('value' in piece) return piece.value === 'sequence' ? `d.seq || '-' || ${epoch}` : VALUES[piece.value]
  const text = quoted(piece.text)
  return piece.ifDeleted ? `case d.deleted when 1 then ${text} else '' end` : text
}

function quoted(text: string): string {
  assert(!text.includes('\u0000'), 'SQL ends at a NUL')
  return `'${text.replaceAll("'", "''")}'`
}
