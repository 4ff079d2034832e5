import type { LocalDoc, NameRange } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { fromStoredId, toStoredId } from '../stored-id.ts'
import { inOrder, inRange } from './id-range.ts'

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

/** Local docs by id. */
export function readLocalDocs(connection: Connection, db: number, query: NameRange): LocalDoc[] {
  const range = inRange('id', query)
  const order = inOrder('id', query)
  return connection
    .rows<Row>(
      `select id, rev, body from local_docs where db = ?${range.sql}${order.sql}`,
      db,
      ...range.params,
      ...order.params,
    )
    .map(localDocOf)
}

function localDocOf([id, rev, body]: Row): LocalDoc {
  return { id: fromStoredId(id), rev: `0-${rev}`, body }
}
