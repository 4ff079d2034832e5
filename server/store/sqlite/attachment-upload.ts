import { createHash } from 'node:crypto'
import type { AttachmentUpload, Upload } from '../store.ts'
import { CHUNK_BYTES } from './chunk-bytes.ts'
import type { Command, CommandKind, CommandOf, Results } from './commands.ts'

/** Chunks of one command. */
const PIECE_CHUNKS = 4
const PIECE_BYTES = PIECE_CHUNKS * CHUNK_BYTES
/** Pieces on their way at once: one in the commit, one waiting for it. So an upload holds three of them, however long it is. */
const PIECES_AHEAD = 2

/** Sends a command of the upload to the writer. */
export type SendCommand = <Kind extends CommandKind>(
  command: CommandOf<Kind> & Command,
  transfer?: readonly ArrayBuffer[],
) => Promise<Results[Kind]>

/** Gathers what arrives into whole chunks and hands them to the writer, no faster than they are stored. */
export class SqliteUpload implements AttachmentUpload {
  readonly #db: number
  readonly #send: SendCommand
  readonly #hash = createHash('md5')
  #key: Promise<number> | undefined
  #piece = new Uint8Array(PIECE_BYTES)
  /** Bytes of the piece. */
  #filled = 0
  #length = 0
  /** Chunks that were handed on. */
  #chunks = 0
  readonly #ahead: Promise<void>[] = []
  /** Why bytes are missing in the store. */
  #failure: { readonly cause: unknown } | undefined

  constructor(db: number, send: SendCommand) {
    this.#db = db
    this.#send = send
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; ) {
      const taken = bytes.subarray(at, at + PIECE_BYTES - this.#filled)
      this.#hash.update(taken)
      this.#piece.set(taken, this.#filled)
      this.#filled += taken.byteLength
      at += taken.byteLength
      this.#length += taken.byteLength
      if (this.#filled === PIECE_BYTES) await this.#handOn()
    }
  }

  async finish(): Promise<Upload> {
    if (this.#filled > 0) await this.#handOn()
    await Promise.all(this.#ahead)
    this.#checkWhole()
    const key = await this.#open()
    return { key, digest: `md5-${this.#hash.digest('base64')}`, length: this.#length }
  }

  /** What the writer cannot be told any more, because the store is closed or the database gone, it finds by itself. */
  async close(): Promise<void> {
    await Promise.all(this.#ahead)
    const key = await this.#key?.catch(() => undefined)
    if (key !== undefined) await this.#send<'closeUpload'>({ kind: 'closeUpload', key }).catch(() => {})
  }

  #open(): Promise<number> {
    this.#key ??= this.#send<'openUpload'>({ kind: 'openUpload', db: this.#db })
    return this.#key
  }

  async #handOn(): Promise<void> {
    this.#ahead.push(this.#store(this.#chunks, this.#piece.slice(0, this.#filled)))
    this.#chunks += PIECE_CHUNKS
    this.#filled = 0
    if (this.#ahead.length >= PIECES_AHEAD) await this.#ahead.shift()
    this.#checkWhole()
  }

  /** Never rejects, because nobody may be waiting for this piece: the next call tells of the failure. */
  async #store(first: number, data: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      const key = await this.#open()
      await this.#send<'writeUpload'>({ kind: 'writeUpload', key, first, data }, [data.buffer])
    } catch (cause) {
      this.#failure ??= { cause }
    }
  }

  #checkWhole(): void {
    if (this.#failure !== undefined) throw this.#failure.cause
  }
}
