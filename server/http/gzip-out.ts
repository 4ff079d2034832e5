import { promisify } from 'node:util'
import { constants, deflateRaw, deflateRawSync } from 'node:zlib'
import { crc32 } from './crc32.ts'
import type { Out } from './route.ts'

/** Up to here a piece is compressed at once, in tens of microseconds; a larger one on another thread. */
const INLINE_BYTES = 4 * 1024
/** Each piece ends on a whole byte and can be read as soon as it has arrived. */
const FLUSHED = { finishFlush: constants.Z_SYNC_FLUSH } as const
/** A window as large as a piece, and tables to fit: the default ones are ten times what a piece takes to compress. */
const INLINE = { ...FLUSHED, windowBits: 12, memLevel: 4 } as const

/** RFC 1952: magic number, deflate, no flags, no time, no extra flags, Unix. */
const HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
const LAST_BLOCK = Buffer.from([3, 0])
const HEARTBEAT = deflateRawSync('\n', INLINE)

const deflated = promisify<Uint8Array, object, Buffer>(deflateRaw)

/**
 * An answer's pieces as one gzip stream, each readable as soon as it is out: heartbeats pass through whatever unpacks
 * them. Every piece is compressed by itself; blocks of deflate may follow one another as long as none looks back
 * beyond its own beginning. So between two pieces there is no compressor: a feed that waits holds a checksum and a
 * count. Node's gzip streams hold 50 to 110 KiB each for as long as they live, which ten thousand waiting feeds
 * would feel, and the package `compression` makes one for each answer. It costs what texts of different pieces have in
 * common; pieces of large answers are 64 KiB and more, where that does not count.
 */
export class GzipOut implements Out {
  readonly signal: AbortSignal
  readonly #out: Out
  #crc = 0
  #length = 0
  #hasBegun = false
  /** The pieces that are being compressed elsewhere; whatever comes later waits for them. */
  #busy: Promise<void> | undefined

  constructor(out: Out) {
    this.#out = out
    this.signal = out.signal
  }

  write(chunk: string | Uint8Array): Promise<void> | undefined {
    if (this.signal.aborted) return Promise.reject(this.signal.reason)
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    this.#crc = crc32(bytes, this.#crc)
    this.#length += bytes.length
    if (this.#busy === undefined && bytes.length <= INLINE_BYTES) return this.#send(inline(bytes))
    const giveBack = this.#out.hold?.(bytes.length)
    return this.#queue(async () => {
      const packed = await deflated(bytes, FLUSHED).finally(giveBack)
      return this.#send(packed)
    })
  }

  room(): Promise<void> | undefined {
    return this.#out.room?.()
  }

  /** The end of the stream: without it the client knows that the answer was cut. */
  end(): Promise<void> | undefined {
    const tail = Buffer.alloc(8)
    tail.writeUInt32LE(this.#crc, 0)
    tail.writeUInt32LE(this.#length % 2 ** 32, 4)
    const last = Buffer.concat([LAST_BLOCK, tail])
    return this.#busy === undefined ? this.#send(last) : this.#queue(async () => this.#send(last))
  }

  #send(bytes: Buffer): Promise<void> | undefined {
    const all = this.#hasBegun ? bytes : Buffer.concat([HEAD, bytes])
    this.#hasBegun = true
    return this.#out.write(all)
  }

  #queue(send: () => Promise<void>): Promise<void> {
    const sent = (this.#busy ?? Promise.resolve()).then(send)
    const busy = sent.finally(() => {
      if (this.#busy === busy) this.#busy = undefined
    })
    this.#busy = busy
    return busy
  }
}

function inline(bytes: Uint8Array): Buffer {
  if (bytes.length === 0) return Buffer.alloc(0)
  return bytes.length === 1 && bytes[0] === 0x0a ? HEARTBEAT : deflateRawSync(bytes, INLINE)
}
