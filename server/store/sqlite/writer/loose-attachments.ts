import type { CommandOf } from '../commands.ts'
import type { Connection } from '../connection.ts'
import { noDatabase } from '../no-database.ts'
import { insertChunks, removeChunks } from './attachment-chunks.ts'
import { newAttachmentKey } from './attachment-refs.ts'
import type { Run, Transaction } from './transaction.ts'

/** Who began to read an attachment before its last name went may read on for so long. */
export const ATTACHMENT_GRACE_MS = 3_600_000

/** Chunks of one slice, 256 KiB each. */
const SLICE_CHUNKS = 32

/** Takes a key for an attachment that is received now. */
export function openUpload(tx: Transaction, { db }: CommandOf<'openUpload'>): number {
  tx.database(db)
  const key = newAttachmentKey(tx)
  tx.connection.run('insert into loose_attachments values (?, ?, ?, ?)', key, db, tx.runId, tx.now)
  tx.run.uploads.add(key)
  return key
}

/** Stores some of its chunks, unless its database was deleted meanwhile. */
export function writeUpload(
  { connection, runId }: Transaction,
  { key, first, data }: CommandOf<'writeUpload'>,
): undefined {
  const isOpen = 'select 1 from loose_attachments where key = ? and run = ?'
  if (connection.row(isOpen, key, runId) === undefined) throw noDatabase()
  insertChunks(connection, key, first, data)
}

/**
 * Leaves what no edit took to be removed. It is only forgotten here that somebody sends it, which works on a full disk, too; its row
 * tells the rest.
 */
export function closeUpload({ run }: Transaction, { key }: CommandOf<'closeUpload'>): undefined {
  run.uploads.delete(key)
}

/** Removes some chunks of an attachment that nobody names, sends or may still read. False: there are none. */
export function removeLooseSlice(connection: Connection, run: Run, now: number): boolean {
  const key = abandonedUpload(connection, run) ?? pastGrace(connection, now)
  if (key === undefined) return false
  if (removeChunks(connection, key, SLICE_CHUNKS) < SLICE_CHUNKS)
    connection.run('delete from loose_attachments where key = ?', key)
  return true
}

/** One that its sender gave up, or an earlier run with him. Nobody ever read it. */
function abandonedUpload(connection: Connection, run: Run): number | undefined {
  const uploads = connection.rows<[number, string]>("select key, run from loose_attachments where run > ''")
  return uploads.find(([key, id]) => id !== run.id || !run.uploads.has(key))?.[0]
}

/** One that came loose long ago, or at a time that a clock which was set back has not reached yet. */
function pastGrace(connection: Connection, now: number): number | undefined {
  const before = 'select key from loose_attachments where run is null and since <= ? limit 1'
  const ahead = 'select key from loose_attachments where run is null and since > ? limit 1'
  const row =
    connection.row<[number]>(before, now - ATTACHMENT_GRACE_MS) ??
    connection.row<[number]>(ahead, now + ATTACHMENT_GRACE_MS)
  return row?.[0]
}
