import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { CouchError } from '../couch-error.ts'

const DECOMPRESSORS = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate } as const
type Encoding = keyof typeof DECOMPRESSORS

/** Up to here a body may be as repetitive as it likes. */
const MAX_REPETITIVE_BYTES = 64 * 1024 * 1024
/** How many bytes one byte of a larger body may become. Documents come nowhere near it; what is made to fill a disk does. */
const MAX_RATIO = 200

/**
 * A request's body, decompressed. Whoever reads it may stop in the middle: destroying this stream leaves the socket
 * alone, so that the refusal still reaches the client (a destroyed request takes its socket along).
 */
export function bodyStream(request: IncomingMessage): Readable {
  const bytes = Readable.from(request.iterator({ destroyOnReturn: false }), { objectMode: false })
  return unpacked(bytes, request.headers['content-encoding'] ?? '', 'The body')
}

/**
 * What was packed with this `Content-Encoding`. `what` it is stands at the beginning of the reasons why it cannot be unpacked.
 * @throws CouchError `bad_content_type` if nobody knows the encoding
 */
export function unpacked(bytes: Readable, contentEncoding: string, what: string): Readable {
  const encoding = contentEncoding.trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return bytes
  if (!isKnown(encoding)) {
    throw new CouchError(
      'bad_content_type',
      `${what} has Content-Encoding ${encoding}, which is not supported; gzip is.`,
    )
  }
  return Readable.from(decompressed(bytes, encoding, what), { objectMode: false })
}

function isKnown(encoding: string): encoding is Encoding {
  return Object.hasOwn(DECOMPRESSORS, encoding)
}

async function* decompressed(bytes: Readable, encoding: Encoding, what: string): AsyncGenerator<Uint8Array> {
  const plain = DECOMPRESSORS[encoding]()
  let length = 0
  // Only now that somebody listens: a handler that answers without reading left the error of a body that is no gzip to nobody, and it
  // ended the process. Not `pipeline`: it would destroy the request too, and the client's next request on the same connection waited
  // until it timed out.
  bytes.once('error', error => plain.destroy(error))
  bytes.pipe(plain)
  try {
    for await (const chunk of plain as AsyncIterable<Uint8Array>) {
      length += chunk.length
      checkRatio(length, plain.bytesWritten, what)
      yield chunk
    }
  } catch (cause) {
    if (cause instanceof CouchError) throw cause
    throw new CouchError('bad_request', `${what} is not valid ${encoding}.`, { cause })
  }
}

/** A limit that grows with what the client really sends: a few kilobytes must not fill the disk that large bodies wait on. */
function checkRatio(length: number, compressed: number, what: string): void {
  if (length <= MAX_REPETITIVE_BYTES || length <= MAX_RATIO * compressed) return
  throw new CouchError('too_large', `${what} unpacks to more than ${MAX_RATIO} times its size.`)
}
