import type { AttachmentBytes } from '../../store.ts'
import { CHUNK_BYTES } from '../chunk-bytes.ts'
import type { Connection } from '../connection.ts'
import { noDatabase } from './counts.ts'

/** The bytes of an attachment; each chunk is a read of its own. */
export function readAttachment(
  connection: Connection,
  db: number,
  digest: string,
): AttachmentBytes | undefined {
  const row = connection.row<[key: number, length: number]>(
    'select key, length from attachments where db = ? and digest = ?',
    db,
    digest,
  )
  if (row === undefined) return undefined
  const [key, length] = row
  return {
    length,
    read: ({ start, end } = { start: 0, end: length }) =>
      readChunks(connection, key, { start: Math.max(start, 0), end: Math.min(end, length) }),
  }
}

type ByteRange = { readonly start: number; readonly end: number }

function* readChunks(connection: Connection, key: number, { start, end }: ByteRange): Generator<Uint8Array> {
  for (let at = start; at < end; ) {
    const n = Math.floor(at / CHUNK_BYTES)
    const first = n * CHUNK_BYTES
    const row = connection.row<[Uint8Array]>(
      'select data from attachment_chunks where key = (? << 20 | ?)',
      key,
      n,
    )
    // Chunks go with their database only.
    if (row === undefined) throw noDatabase()
    yield row[0].subarray(at - first, end - first)
    at = first + CHUNK_BYTES
  }
}
