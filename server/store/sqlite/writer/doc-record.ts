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

/** What a document's row has beside its history. */
type Sizes = Pick<DocRecord, 'live' | 'bytes'>

/** Writes the row of a document that is there. */
export function updateDoc(connection: Connection, place: DocPlace, tree: Tree, { live, bytes }: Sizes): void {
  connection.run(
    `update docs set seq = ?, rev = ?, deleted = ?, branched = ?, time = ?, body = ?, live = ?, bytes = ?,
     tree = ? where db = ? and id = ?`,
    place.seq,
    tree.rev,
    tree.deleted ? 1 : 0,
    tree.branched ? 1 : 0,
    place.time,
    tree.body,
    live,
    bytes,
    tree.text,
    place.db,
    toStoredId(place.id),
  )
}

/** Writes the row of a new document. Its first change brings its only body: that number is not bound three times. */
export function insertDoc(connection: Connection, place: DocPlace, tree: Tree, bytes: number): void {
  connection.run(
    `insert into docs (seq, rev, deleted, branched, time, body, live, bytes, tree, db, id)
     values (?1, ?2, ?3, 0, ?4, ?1, iif(?3, null, ?1), ?5, ?6, ?7, ?8)`,
    place.seq,
    tree.rev,
    tree.deleted ? 1 : 0,
    place.time,
    bytes,
    tree.text,
    place.db,
    toStoredId(place.id),
  )
}
