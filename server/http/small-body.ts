import type { IncomingMessage } from 'node:http'

/** As much as a socket's reader keeps anyhow. */
const MAX_BYTES = 16 * 1024

/** True for a body that is as it is and says that it is short. */
export function isSmallBody({ headers }: IncomingMessage, maxBytes: number): boolean {
  return (
    Number(headers['content-length']) <= Math.min(MAX_BYTES, maxBytes) &&
    headers['content-encoding'] === undefined &&
    headers['transfer-encoding'] === undefined
  )
}

/**
 * All bytes of a small body, without the streams that a large one passes through: they cost five times what its document does. However
 * small the pieces are in which it comes, no more is kept of it than its length.
 */
export function smallBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const length = Number(request.headers['content-length'])
    let bytes: Buffer | undefined
    let received = 0
    request.on('data', (chunk: Buffer) => {
      if (chunk.length === length) bytes = chunk
      else {
        bytes ??= Buffer.allocUnsafe(length)
        bytes.set(chunk, received)
      }
      received += chunk.length
    })
    request.once('end', () => resolve(bytes ?? Buffer.alloc(0)))
    request.once('error', reject)
  })
}
