import { StoredTree } from '../../rev-tree/stored-tree.ts'
import type { ChangeRow, ChangesQuery, Leaf } from '../../store.ts'
import type { Connection, SqlValue } from '../connection.ts'
import { fromStoredId, toStoredId } from '../stored-id.ts'
import { readFacts } from './counts.ts'
import { sqlLimit } from './id-range.ts'
import { takePage } from './page-bytes.ts'
import { type RevisionRow, revisionOf } from './revision-row.ts'
import { ofType, type TypeIds } from './type-ids.ts'

type Nulls = readonly [null, null, null, null]
type Row = readonly [
  n: number,
  id: string,
  rev: string,
  deleted: number,
  time: number,
  branched: number,
  ...(RevisionRow | Nulls),
  ...(RevisionRow | Nulls),
]

const COLUMNS = 'd.seq, d.id, d.rev, d.deleted, d.time, d.branched'
const WINNER = ', w.rev as w_rev, w.deleted as w_deleted, w.attachments as w_attachments, w.body as w_body'
const NO_WINNER = ', null as w_rev, null as w_deleted, null as w_attachments, null as w_body'
const LIVE = ', l.rev as l_rev, l.deleted as l_deleted, l.attachments as l_attachments, l.body as l_body'
const NO_LIVE = ', null as l_rev, null as l_deleted, null as l_attachments, null as l_body'

/** One page of a database's feed, or of what it has of one type. */
export function readChanges(
  connection: Connection,
  db: number,
  query: ChangesQuery,
  typeIds?: TypeIds,
): ChangeRow[] {
  if (query.limit <= 0) return []
  return connection.atOnce(() =>
    takePage(rowsOf(connection, pickedBy(connection, db, query, typeIds), query), row => {
      const tree = row[5] === 1 ? readTree(connection, db, row[0]) : undefined
      return { result: changeOf(row, tree), size: sizeOf(row, tree) }
    }),
  )
}

function rowsOf(
  connection: Connection,
  { sql, params }: Picked,
  { withBodies, withLastLive }: ChangesQuery,
): Iterable<Row> {
  const statement = `select ${COLUMNS}${withBodies ? WINNER : NO_WINNER}${withLastLive ? LIVE : NO_LIVE}
    from ${sql.from}
    ${withBodies ? 'left join bodies w on w.key = (d.db << 32 | d.body)' : ''}
    ${withLastLive ? 'left join bodies l on d.deleted = 1 and l.key = (d.db << 32 | d.live)' : ''}
    ${sql.rest}`
  // All at once is quicker, but bodies end a page early.
  return withBodies || withLastLive
    ? connection.each<Row>(statement, ...params)
    : connection.rows<Row>(statement, ...params)
}

type Picked = {
  readonly sql: { readonly from: string; readonly rest: string }
  readonly params: readonly SqlValue[]
}

/** The rows of a page, in its order: a stretch of the feed, or what was picked from it. */
function pickedBy(
  connection: Connection,
  db: number,
  query: ChangesQuery,
  typeIds: TypeIds | undefined,
): Picked {
  const { descending, limit } = query
  if (query.ids !== undefined) return theseOf(db, seqsOf(connection, db, query))
  if (typeIds !== undefined) return theseOf(db, seqsOfType(connection, db, query, typeIds))
  const rest = `where d.db = ?1 and ${beyond(descending)} and ${upTo(descending)}
    order by d.seq ${descending ? 'desc' : ''} limit ?2`
  return { sql: { from: 'docs d', rest }, params: [db, sqlLimit(limit), ...stretchOf(query)] }
}

/** `cross join` fixes the order: that of the list. */
function theseOf(db: number, seqs: readonly number[]): Picked {
  const from = 'json_each(?) picked cross join docs d on d.db = ? and d.seq = picked.value'
  return { sql: { from, rest: '' }, params: [JSON.stringify(seqs), db] }
}

/**
 * The numbers of one page of a type. The index that feeds go by has the ids, too, and nothing but it is read here: with any other
 * column in the statement each row that is passed over would be looked up in the table, which takes a hundred times as long.
 */
function seqsOfType(
  connection: Connection,
  db: number,
  query: ChangesQuery,
  typeIds: TypeIds,
): readonly number[] {
  const { descending, limit } = query
  const { sql, params } = ofType(typeIds)
  return connection
    .rows<[number]>(
      `select seq from docs d indexed by docs_by_seq
       where db = ?1 and ${beyond(descending)} and ${upTo(descending)}${sql}
       order by seq ${descending ? 'desc' : ''} limit ?2`,
      db,
      sqlLimit(limit),
      ...stretchOf(query),
      ...params,
    )
    .map(([seq]) => seq)
}

/** From where to where a page looks, as SQL has it: `?3` and `?4`. */
function stretchOf({ after, upTo, descending }: ChangesQuery): readonly [after: number, upTo: number] {
  const end = upTo ?? (descending ? 0 : Number.MAX_SAFE_INTEGER)
  return [Math.min(after, Number.MAX_SAFE_INTEGER), Math.min(end, Number.MAX_SAFE_INTEGER)]
}

/**
 * The numbers of the named documents' last changes, those of one page. By their ids, unless the stretch of the feed that is left is
 * shorter: a feed of ten documents does not walk through a hundred thousand, and one of ten thousand does not look for each of them at
 * every change.
 */
function seqsOf(connection: Connection, db: number, query: ChangesQuery): readonly number[] {
  const { ids = [], descending, limit } = query
  const { updateSeq } = readFacts(connection, db)
  const from = Math.min(query.after, updateSeq + 1)
  const isShort = (descending ? from : updateSeq - from) < ids.length
  const named = isShort
    ? 'docs d where +d.id in (select value from json_each(?1)) and'
    : 'json_each(?1) asked cross join docs d on d.id = asked.value where'
  const order = `order by ${isShort ? 'd.seq' : '+d.seq'} ${descending ? 'desc' : ''}`
  return connection
    .rows<[number]>(
      `select d.seq from ${named} d.db = ?2 and ${isShort ? '' : '+'}${beyond(descending)} and +${upTo(descending)}
       ${order} limit ?5`,
      JSON.stringify([...new Set(ids)].map(toStoredId)),
      db,
      from,
      stretchOf(query)[1],
      sqlLimit(limit),
    )
    .map(([seq]) => seq)
}

function beyond(descending: boolean | undefined): string {
  return descending ? 'd.seq < ?3' : 'd.seq > ?3'
}

function upTo(descending: boolean | undefined): string {
  return descending ? 'd.seq >= ?4' : 'd.seq <= ?4'
}

function readTree(connection: Connection, db: number, seq: number): string {
  return connection.row<[string]>('select tree from docs where db = ? and seq = ?', db, seq)?.[0] ?? ''
}

function changeOf(row: Row, tree: string | undefined): ChangeRow {
  const [n, id, rev, deleted, time, , wRev, wDeleted, wAttachments, wBody, ...live] = row
  const [lRev, lDeleted, lAttachments, lBody] = live
  return {
    n,
    id: fromStoredId(id),
    rev,
    deleted: deleted === 1,
    leaves: tree === undefined ? undefined : leavesOf(tree, { rev, deleted: deleted === 1 }),
    time,
    revision: wRev === null ? undefined : revisionOf([wRev, wDeleted, wAttachments, wBody] as RevisionRow),
    lastLive: lRev === null ? undefined : revisionOf([lRev, lDeleted, lAttachments, lBody] as RevisionRow),
  }
}

function leavesOf(tree: string, winner: Leaf): readonly Leaf[] {
  return new StoredTree(tree, winner).leaves()
}

/** Many attachments' names outweigh a body, and so does a tree with many branches. */
function sizeOf(
  [, , , , , , , , wAttachments, wBody, , , lAttachments, lBody]: Row,
  tree: string | undefined,
): number {
  return [tree, wAttachments, wBody, lAttachments, lBody].reduce((sum, text) => sum + (text?.length ?? 0), 0)
}
