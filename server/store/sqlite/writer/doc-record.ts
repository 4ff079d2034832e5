import type { Tree } from '../../rev-tree/grow-tree.ts'
import type { Connection } from '../connection.ts'
import { toStoredId } from '../stored-id.ts'

/** A document's row as the writer needs it. */
export type DocRecord = Tree & {
  /** The number of the last live winner's body; null if there never was one here. */
  readonly live: number | null
  readonly bytes: number
}

type Row = readonly [string, number, number, number, number | null, number, string]

/** A document's row, or undefined if the id was never used. */
export function readDoc(connection: Connection, db: number, id: string): DocRecord | undefined {
  const row = connection.row<Row>(
    'select rev, deleted, branched, body, live, bytes, tree from docs where db = ? and id = ?',
    db,
    toStoredId(id),
  )
  if (row === undefined) return undefined
  const [rev, deleted, branched, body, live, bytes, text] = row
  return { rev, deleted: deleted === 1, branched: branched === 1, body, live, bytes, text }
}

/** The place of a document's change. */
export type DocPlace = {
  readonly db: number
  readonly id: string
  readonly seq: number
  readonly time: number
}

/** Writes a document's row: `isNew` if there is none yet. */
export function writeDoc(connection: Connection, place: DocPlace, doc: DocRecord, isNew: boolean): void {
  connection.run(
    isNew
      ? `insert into docs (seq, rev, deleted, branched, time, body, live, bytes, tree, db, id)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
      : `update docs set seq = ?, rev = ?, deleted = ?, branched = ?, time = ?, body = ?, live = ?, bytes = ?,
         tree = ? where db = ? and id = ?`,
    place.seq,
    doc.rev,
    doc.deleted ? 1 : 0,
    doc.branched ? 1 : 0,
    place.time,
    doc.body,
    doc.live,
    doc.bytes,
    doc.text,
    place.db,
    toStoredId(place.id),
  )
}
