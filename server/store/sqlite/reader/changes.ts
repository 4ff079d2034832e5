import { StoredTree } from '../../rev-tree/stored-tree.ts'
import type { ChangeRow, ChangesQuery, Leaf } from '../../store.ts'
import type { Connection, SqlValue } from '../connection.ts'
import { fromStoredId, toStoredId } from '../stored-id.ts'
import { sqlLimit } from './id-range.ts'
import { takePage } from './page-bytes.ts'
import { type RevisionRow, revisionOf } from './revision-row.ts'

type Nulls = readonly [null, null, null, null]
type Row = readonly [
  n: number,
  id: string,
  rev: string,
  deleted: number,
  time: number,
  tree: string | null,
  ...(RevisionRow | Nulls),
  ...(RevisionRow | Nulls),
]

const COLUMNS = 'd.seq, d.id, d.rev, d.deleted, d.time, case when d.branched then d.tree end'
const WINNER = ', w.rev as w_rev, w.deleted as w_deleted, w.attachments as w_attachments, w.body as w_body'
const NO_WINNER = ', null as w_rev, null as w_deleted, null as w_attachments, null as w_body'
const LIVE = ', l.rev as l_rev, l.deleted as l_deleted, l.attachments as l_attachments, l.body as l_body'
const NO_LIVE = ', null as l_rev, null as l_deleted, null as l_attachments, null as l_body'

/** One page of a database's feed. */
export function readChanges(connection: Connection, db: number, query: ChangesQuery): ChangeRow[] {
  if (query.limit <= 0) return []
  const { sql, params } = changesStatement(db, query)
  if (!query.withBodies && !query.withLastLive) return connection.rows<Row>(sql, ...params).map(changeOf)
  return takePage(connection.each<Row>(sql, ...params), row => ({ result: changeOf(row), size: sizeOf(row) }))
}

function changesStatement(db: number, query: ChangesQuery): { sql: string; params: SqlValue[] } {
  const { descending, ids, withBodies, withLastLive } = query
  const sql = `select ${COLUMNS}${withBodies ? WINNER : NO_WINNER}${withLastLive ? LIVE : NO_LIVE}
    from docs d
    ${withBodies ? 'left join bodies w on w.key = (d.db << 32 | d.body)' : ''}
    ${withLastLive ? 'left join bodies l on d.deleted = 1 and l.key = (d.db << 32 | d.live)' : ''}
    where d.db = ? ${descending ? 'and d.seq < ?' : 'and d.seq > ?'}
    ${ids === undefined ? '' : 'and d.id in (select value from json_each(?))'}
    order by d.seq ${descending ? 'desc' : ''} limit ?`
  const params: SqlValue[] = [db, Math.min(query.after, Number.MAX_SAFE_INTEGER)]
  if (ids !== undefined) params.push(JSON.stringify(ids.map(toStoredId)))
  return { sql, params: [...params, sqlLimit(query.limit)] }
}

function changeOf(row: Row): ChangeRow {
  const [n, id, rev, deleted, time, tree, wRev, wDeleted, wAttachments, wBody, ...live] = row
  const [lRev, lDeleted, lAttachments, lBody] = live
  return {
    n,
    id: fromStoredId(id),
    rev,
    deleted: deleted === 1,
    leaves: tree === null ? undefined : leavesOf(tree, { rev, deleted: deleted === 1 }),
    time,
    revision: wRev === null ? undefined : revisionOf([wRev, wDeleted, wAttachments, wBody] as RevisionRow),
    lastLive: lRev === null ? undefined : revisionOf([lRev, lDeleted, lAttachments, lBody] as RevisionRow),
  }
}

function leavesOf(tree: string, winner: Leaf): readonly Leaf[] {
  return new StoredTree(tree, winner).leaves()
}

/** Many attachments' names outweigh a body, and so does a tree with many branches. */
function sizeOf([, , , , , tree, , , wAttachments, wBody, , , lAttachments, lBody]: Row): number {
  return [tree, wAttachments, wBody, lAttachments, lBody].reduce((sum, text) => sum + (text?.length ?? 0), 0)
}
