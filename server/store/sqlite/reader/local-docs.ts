import type { DocsQuery, LocalDoc, LocalDocRow } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { fromStoredId, toStoredId } from '../stored-id.ts'
import { inOrder, inRange } from './id-range.ts'
import { takePage } from './page-bytes.ts'

type Row = readonly [id: string, rev: number, body: string]

/** One local doc. */
export function readLocalDoc(connection: Connection, db: number, id: string): LocalDoc | undefined {
  const row = connection.row<Row>(
    'select id, rev, body from local_docs where db = ? and id = ?',
    db,
    toStoredId(id),
  )
  return row && localDocOf(row)
}

type ListedRow = readonly [id: string, rev: number, body: string | null]

/** One page of local docs by id. Nobody keeps them small, so bodies fill a page by their bytes. */
export function readLocalDocs(connection: Connection, db: number, query: DocsQuery): LocalDocRow[] {
  if (query.limit <= 0) return []
  const range = inRange('id', query)
  const order = inOrder('id', query)
  const rows = connection.each<ListedRow>(
    `select id, rev, ${query.withBodies ? 'body' : 'null as body'} from local_docs where db = ?${range.sql}${order.sql}`,
    db,
    ...range.params,
    ...order.params,
  )
  return takePage(rows, ([id, rev, body]) => ({
    result: { id: fromStoredId(id), rev: `0-${rev}`, body: body ?? undefined },
    size: body?.length ?? 0,
  }))
}

function localDocOf([id, rev, body]: Row): LocalDoc {
  return { id: fromStoredId(id), rev: `0-${rev}`, body }
}
