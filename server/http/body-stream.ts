import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip, createInflate } from 'node:zlib'
import { CouchError } from '../couch-error.ts'
import type { BodyRoom } from './arriving-bodies.ts'

const DECOMPRESSORS = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate } as const
type Encoding = keyof typeof DECOMPRESSORS

/** Smaller pieces of a body are put together, */
const GATHERED_BYTES = 16 * 1024
/** but not for long. */
const GATHER_MS = 2

/** Up to here a body may be as repetitive as it likes. */
const MAX_REPETITIVE_BYTES = 64 * 1024 * 1024
/** How many bytes one byte of a larger body may become. Documents come nowhere near it; what is made to fill a disk does. */
const MAX_RATIO = 200

/**
 * A request's body, decompressed. Whoever reads it may stop in the middle: destroying this stream leaves the socket
 * alone, so that the refusal still reaches the client (a destroyed request takes its socket along).
 */
export function bodyStream(request: IncomingMessage, room?: BodyRoom): Readable {
  const bytes = Readable.from(gathered(request, room), { objectMode: false })
  const stream = unpacked(bytes, request.headers['content-encoding'] ?? '', 'The body')
  room?.bind(stream)
  return stream
}

/**
 * The body's bytes in pieces of some size. A client may send two million chunks of one byte, and a buffer for each took a small heap
 * whole. What comes slowly is handed on after a while.
 */
async function* gathered(request: IncomingMessage, room: BodyRoom | undefined): AsyncGenerator<Uint8Array> {
  const iterator = request.iterator({ destroyOnReturn: false })
  let small: Uint8Array[] = []
  let length = 0
  const take = () => {
    const bytes = small.length === 1 && small[0] !== undefined ? small[0] : Buffer.concat(small, length)
    if (length >= GATHERED_BYTES) room?.moved()
    small = []
    length = 0
    return bytes
  }
  let next: Promise<IteratorResult<Uint8Array>> | undefined
  for (;;) {
    if (next === undefined) {
      next = iterator.next()
      // A client that goes away while nobody awaits this yet must not end the process.
      next.catch(() => {})
    }
    if (length > 0 && !(await isThereSoon(next))) {
      yield take()
      continue
    }
    const { done, value } = await next
    next = undefined
    if (done) break
    small.push(value)
    length += value.length
    if (length >= GATHERED_BYTES || request.complete) yield take()
  }
  if (length > 0) yield take()
}

/** A chunk that comes later than this is not waited for. It also lets Node put together what comes meanwhile. */
async function isThereSoon(next: Promise<unknown>): Promise<boolean> {
  await sleep(GATHER_MS)
  const isLate = Symbol('late')
  return (await Promise.race([next, Promise.resolve(isLate)])) !== isLate
}

/**
 * What was packed with this `Content-Encoding`. `what` it is stands at the beginning of the reasons why it cannot be unpacked.
 * @throws CouchError `bad_content_type` if nobody knows the encoding
 */
export function unpacked(
  bytes: Readable,
  contentEncoding: string,
  what: string,
  count: UnpackedBytes = new UnpackedBytes(),
): Readable {
  const encoding = contentEncoding.trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return bytes
  if (!isKnown(encoding)) {
    throw new CouchError(
      'bad_content_type',
      `${what} has Content-Encoding ${encoding}, which is not supported; gzip is.`,
    )
  }
  return Readable.from(decompressed(bytes, encoding, { what, count }), { objectMode: false })
}

function isKnown(encoding: string): encoding is Encoding {
  return Object.hasOwn(DECOMPRESSORS, encoding)
}

type Unpacking = { readonly what: string; readonly count: UnpackedBytes }

async function* decompressed(
  bytes: Readable,
  encoding: Encoding,
  { what, count }: Unpacking,
): AsyncGenerator<Uint8Array> {
  const plain = DECOMPRESSORS[encoding]()
  let packed = 0
  // Only now that somebody listens: a handler that answers without reading left the error of a body that is no gzip to nobody, and it
  // ended the process. Not `pipeline`: it would destroy the request too, and the client's next request on the same connection waited
  // until it timed out.
  bytes.once('error', error => plain.destroy(error))
  bytes.pipe(plain)
  try {
    for await (const chunk of plain as AsyncIterable<Uint8Array>) {
      count.add(chunk.length, plain.bytesWritten - packed, what)
      packed = plain.bytesWritten
      yield chunk
    }
  } catch (cause) {
    if (cause instanceof CouchError) throw cause
    throw new CouchError('bad_request', `${what} is not valid ${encoding}.`, { cause })
  }
}

/** A limit that grows with what the client really sends: a few kilobytes must not fill the disk that large bodies wait on. */
export class UnpackedBytes {
  readonly #maxRatio: number
  #length = 0
  #packed = 0

  /** What is packed within something packed may not grow at all: it would by the square. */
  constructor(isWithinPacked = false) {
    this.#maxRatio = isWithinPacked ? 1 : MAX_RATIO
  }

  /** @throws CouchError `too_large` */
  add(length: number, packed: number, what: string): void {
    this.#length += length
    this.#packed += packed
    if (this.#length <= MAX_REPETITIVE_BYTES || this.#length <= this.#maxRatio * this.#packed) return
    throw new CouchError('too_large', `${what} unpacks to more than ${this.#maxRatio} times its size.`)
  }
}
