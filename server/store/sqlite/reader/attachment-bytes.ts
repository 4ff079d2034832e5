import { CouchError } from '../../../couch-error.ts'
import type { AttachmentBytes } from '../../store.ts'
import { CHUNK_BYTES } from '../chunk-bytes.ts'
import type { Connection } from '../connection.ts'

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

/**
 * Reads chunk by chunk. They stay for an hour after the last document let go of them, and go at once with their database. Who reads
 * for longer meets this error in the middle, which must cut his connection: he asks again and is told what is there. He never gets
 * bytes of another attachment, because no key is used twice while this process runs.
 */
function* readChunks(connection: Connection, key: number, { start, end }: ByteRange): Generator<Uint8Array> {
  for (let at = start; at < end; ) {
    const n = Math.floor(at / CHUNK_BYTES)
    const first = n * CHUNK_BYTES
    const row = connection.row<[Uint8Array]>(
      'select data from attachment_chunks where key = (? << 20 | ?)',
      key,
      n,
    )
    if (row === undefined) throw attachmentGone()
    yield row[0].subarray(at - first, end - first)
    at = first + CHUNK_BYTES
  }
}

function attachmentGone(): CouchError {
  return new CouchError('not_found', 'The attachment was removed while it was read.')
}
