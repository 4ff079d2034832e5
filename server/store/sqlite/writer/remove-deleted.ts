import type { Connection } from '../connection.ts'

/** Rows of one slice: a few milliseconds, so that no one's write waits long behind it. */
const SLICE_ROWS = 1000
/** Chunks are 256 KiB each. */
const SLICE_CHUNKS = 32

/** Each statement removes a slice of one table and is repeated until nothing is left for it. */
const SLICES: readonly string[] = [
  `delete from docs where db = ?1 and id in (select id from docs where db = ?1 limit ${SLICE_ROWS})`,
  `delete from bodies where key in
     (select key from bodies where key >= ?1 << 32 and key < (?1 + 1) << 32 limit ${SLICE_ROWS})`,
  `delete from local_docs where db = ?1 and id in (select id from local_docs where db = ?1 limit ${SLICE_ROWS})`,
  `delete from attachment_chunks where key in (
     select c.key from attachments a join attachment_chunks c on c.key >= a.key << 20 and c.key < (a.key + 1) << 20
     where a.db = ?1 limit ${SLICE_CHUNKS})`,
  `delete from attachments where db = ?1`,
  `update loose_attachments set run = null, since = 0 where db = ?1 and (run is not null or since > 0)`,
  'delete from epochs where db = ?1',
  'delete from databases where db = ?1 and deleted = 1',
]

/**
 * Removes one slice of the rows of a deleted database, in a transaction of its own. False: nothing is left of it. Where it is
 * follows from what is still there, so a restart just goes on.
 */
export function removeSlice(connection: Connection, db: number): boolean {
  return SLICES.some(sql => connection.run(sql, db) > 0)
}

/** The databases that were deleted and still have rows. */
export function deletedDatabases(connection: Connection): readonly number[] {
  return connection.rows<[number]>('select db from databases where deleted = 1').map(([db]) => db)
}
