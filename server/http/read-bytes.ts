import type { Readable } from 'node:stream'
import { roomOf } from './arriving-bodies.ts'

/** What a chunk takes beside its bytes, roughly. */
const CHUNK_BYTES = 200

/** All bytes of a stream. `check` is told how many there are so far, and throws when they are too many. */
export async function readBytes(
  stream: Readable,
  check: (length: number) => void,
  room = roomOf(stream),
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    length += chunk.length
    check(length)
    chunks.push(chunk)
    const waited = room?.keep(length + CHUNK_BYTES * chunks.length)
    if (waited !== undefined) await waited
  }
  return Buffer.concat(chunks, length)
}
