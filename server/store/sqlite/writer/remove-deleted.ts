import type { Connection, SqlValue } from '../connection.ts'
import { takePage } from '../reader/page-bytes.ts'

/** Rows of one slice: a few milliseconds, so that no one's write waits long behind it. Large ones fill it earlier, see takePage. */
const SLICE_ROWS = 300
const SLICE_ATTACHMENTS = 200

/** Each removes a slice of one table and is repeated until nothing is left for it. Returns how many rows that were. */
const STEPS: readonly ((connection: Connection, db: number) => number)[] = [
  rowsOf({
    page: 'select id, octet_length(tree) from docs where db = ? order by id limit ?',
    remove: 'delete from docs where db = ? and id <= ?',
  }),
  rowsOf({
    page: `select key & 0xffffffff, octet_length(body) from bodies
      where key >= ?1 << 32 and key < (?1 + 1) << 32 order by key limit ?2`,
    remove: 'delete from bodies where key >= ?1 << 32 and key <= (?1 << 32 | ?2)',
  }),
  rowsOf({
    page: 'select id, octet_length(body) from local_docs where db = ? order by id limit ?',
    remove: 'delete from local_docs where db = ? and id <= ?',
  }),
  letAttachmentsLoose,
  allOf('update loose_attachments set run = null, since = 0 where db = ? and (run is not null or since > 0)'),
  allOf('delete from epochs where db = ?'),
  allOf('delete from databases where db = ? and deleted = 1'),
]

/**
 * Removes one slice of the rows of a deleted database, in a transaction of its own. False: nothing is left of it. Where it is
 * follows from what is still there, so a restart just goes on.
 */
export function removeSlice(connection: Connection, db: number): boolean {
  return STEPS.some(step => step(connection, db) > 0)
}

/** The databases that were deleted and still have rows. */
export function deletedDatabases(connection: Connection): readonly number[] {
  return connection.rows<[number]>('select db from databases where deleted = 1').map(([db]) => db)
}

/** `page` lists keys with the rows' sizes, `remove` removes up to a key. */
function rowsOf({ page, remove }: { readonly page: string; readonly remove: string }) {
  return (connection: Connection, db: number): number => {
    const rows = connection.each<[SqlValue, number]>(page, db, SLICE_ROWS)
    const last = takePage(rows, ([key, size]) => ({ result: key, size })).at(-1)
    return last === undefined ? 0 : connection.runCounted(remove, db, last)
  }
}

function allOf(sql: string) {
  return (connection: Connection, db: number): number => connection.runCounted(sql, db)
}

/** Their chunks are removed like those of any other attachment that nobody names; nobody may read these any more. */
function letAttachmentsLoose(connection: Connection, db: number): number {
  const keys = connection.rows<[number]>(
    'delete from attachments where key in (select key from attachments where db = ? limit ?) returning key',
    db,
    SLICE_ATTACHMENTS,
  )
  for (const [key] of keys) connection.run('insert into loose_attachments values (?, ?, null, 0)', key, db)
  return keys.length
}
