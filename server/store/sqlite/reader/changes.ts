import { StoredTree } from '../../rev-tree/stored-tree.ts'
import type { ChangeRow, ChangesQuery, Leaf } from '../../store.ts'
import type { Connection, SqlValue } from '../connection.ts'
import { fromStoredId } from '../stored-id.ts'
import { sqlLimit } from './id-range.ts'
import { takePage } from './page-bytes.ts'
import { beyond, seqsOfIds, seqsOfType, stretchOf, upTo } from './picked-seqs.ts'
import { type RevisionRow, revisionOf } from './revision-row.ts'
import type { TypeIds } from './type-ids.ts'

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

export type Picked = {
  readonly sql: { readonly from: string; readonly rest: string }
  readonly params: readonly SqlValue[]
}

/** The rows of a page, in its order: a stretch of the feed, or what was picked from it. */
export function pickedBy(
  connection: Connection,
  db: number,
  query: ChangesQuery,
  typeIds: TypeIds | undefined,
): Picked {
  const { descending, limit, ids } = query
  if (ids !== undefined) return theseOf(db, seqsOfIds(connection, db, query, { ids, typeIds }))
  if (typeIds !== undefined) return theseOf(db, seqsOfType(connection, db, query, typeIds))
  const rest = `where d.db = ?1 and ${beyond(descending)} and ${upTo(descending)}
    order by d.seq ${descending ? 'desc' : ''} limit ?2`
  return { sql: { from: 'docs d', rest }, params: [db, sqlLimit(limit), ...stretchOf(query)] }
}

/** `cross join` fixes the order: that of the list. */
function theseOf(db: number, seqs: readonly number[]): Picked {
  const from = 'json_each(?1) picked cross join docs d on d.db = ?2 and d.seq = picked.value'
  return { sql: { from, rest: '' }, params: [JSON.stringify(seqs), db] }
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
