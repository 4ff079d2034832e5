import type { IncomingMessage } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { CouchError } from '../couch-error.ts'

const DECOMPRESSORS = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate } as const

/**
 * A request's body, decompressed. Whoever reads it may stop in the middle: destroying this stream leaves the socket
 * alone, so that the refusal still reaches the client (a destroyed request takes its socket along).
 */
export function bodyStream(request: IncomingMessage): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  const bytes = Readable.from(request.iterator({ destroyOnReturn: false }), { objectMode: false })
  if (encoding === 'identity' || encoding === '') return bytes
  if (!isKnown(encoding)) {
    throw new CouchError('bad_content_type', `Content-Encoding ${encoding} is not supported; gzip is.`)
  }
  const plain = DECOMPRESSORS[encoding]()
  pipeline(bytes, plain, () => {})
  return Readable.from(explainingErrors(plain, encoding), { objectMode: false })
}

function isKnown(encoding: string): encoding is keyof typeof DECOMPRESSORS {
  return Object.hasOwn(DECOMPRESSORS, encoding)
}

async function* explainingErrors(plain: Readable, encoding: string): AsyncGenerator<Uint8Array> {
  try {
    yield* plain
  } catch (cause) {
    throw new CouchError('bad_request', `The body is not valid ${encoding}.`, { cause })
  }
}
