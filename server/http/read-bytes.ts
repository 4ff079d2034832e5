import type { Readable } from 'node:stream'

/** All bytes of a stream. `check` is told how many there are so far, and throws when they are too many. */
export async function readBytes(stream: Readable, check: (length: number) => void): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    length += chunk.length
    check(length)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}
