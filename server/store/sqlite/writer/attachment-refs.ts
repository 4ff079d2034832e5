import type { Attachment } from '../../store.ts'
import type { Connection } from '../connection.ts'
import type { Transaction } from './transaction.ts'

/**
 * Which attachments are of use. `attachments.refs` counts the names that stored bodies have for one; what has none left comes loose in
 * the same transaction: its row goes at once, its chunks later and in slices (loose-attachments.ts), so that who reads it now comes
 * to its end.
 */

/** A key that no chunk has, neither of an attachment nor of a loose one, and that none had in this run. */
export function newAttachmentKey({ connection, run }: Transaction): number {
  const row = connection.row<[number]>(
    `select max(coalesce((select max(key) from attachments), 0), coalesce((select max(key) from loose_attachments), 0))`,
  )
  run.lastAttachmentKey = Math.max(row?.[0] ?? 0, run.lastAttachmentKey) + 1
  return run.lastAttachmentKey
}

/** Counts the names that a body has for attachments. */
export function addRefs(connection: Connection, db: number, attachments: readonly Attachment[]): void {
  for (const { digest } of attachments) {
    connection.run('update attachments set refs = refs + 1 where db = ? and digest = ?', db, digest)
  }
}

/** Counts those of a body that is dropped. Returns how many bytes came loose. */
export function removeRefs(
  connection: Connection,
  db: number,
  attachments: readonly Attachment[],
  now: number,
): number {
  let bytes = 0
  for (const { digest, length } of attachments) {
    const row = connection.row<[number, number]>(
      'update attachments set refs = refs - 1 where db = ? and digest = ? returning key, refs',
      db,
      digest,
    )
    if (row === undefined || row[1] > 0) continue
    comeLoose(connection, db, row[0], now)
    bytes += length
  }
  return bytes
}

function comeLoose(connection: Connection, db: number, key: number, now: number): void {
  connection.run('delete from attachments where key = ?', key)
  connection.run('insert into loose_attachments values (?, ?, null, ?)', key, db, now)
}
