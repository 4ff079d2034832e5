import { CHUNK_BYTES } from '../chunk-bytes.ts'
import type { Connection } from '../connection.ts'

/** Stores bytes of an attachment from its chunk number `first` on. */
export function insertChunks(connection: Connection, key: number, first: number, data: Uint8Array): void {
  for (let at = 0; at < data.byteLength; at += CHUNK_BYTES) {
    const chunk = data.subarray(at, at + CHUNK_BYTES)
    connection.run(
      'insert into attachment_chunks values (? << 20 | ?, ?)',
      key,
      first + at / CHUNK_BYTES,
      chunk,
    )
  }
}

/** Removes at most `limit` chunks of an attachment. How many there were. */
export function removeChunks(connection: Connection, key: number, limit: number): number {
  return connection.runCounted(
    `delete from attachment_chunks where key in
       (select key from attachment_chunks where key >= ?1 << 20 and key < (?1 + 1) << 20 limit ?2)`,
    key,
    limit,
  )
}
