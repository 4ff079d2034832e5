import { setImmediate } from 'node:timers/promises'
import type { Out } from './route.ts'

/** What a streamed body is made of. */
export type Piece = string | Uint8Array

/** Large enough that the cost of a write does not count, small enough that a slow client holds little. */
const CHUNK_CHARS = 64 * 1024
/** So many pieces are made before other clients have their turn, also where they are short: each may have cost a read. */
const PIECES_OF_A_TURN = 200

/**
 * Gathers an answer's text and hands it on in large chunks. `add` gives a promise only when a chunk is full, so that a loop over
 * rows awaits nothing for most of them; the promise waits for the socket to drain, and at least lets other clients have their turn.
 */
export class TextWriter {
  readonly #out: Out
  #text = ''

  constructor(out: Out) {
    this.#out = out
  }

  /** Bytes go out as they come, after the text before them: who adds many sees to it himself that others have their turn. */
  add(piece: Piece): Promise<void> | undefined {
    if (typeof piece !== 'string') return this.#addBytes(piece)
    this.#text += piece
    return this.#text.length < CHUNK_CHARS ? undefined : (this.flush() ?? setImmediate())
  }

  /** Adds piece by piece, no faster than the client reads it. */
  async addAll(pieces: Iterable<Piece>): Promise<void> {
    let count = 0
    const first = this.room()
    if (first !== undefined) await first
    for (const piece of pieces) {
      const written = this.add(piece)
      if (written !== undefined) await written
      if (written === undefined ? ++count % PIECES_OF_A_TURN === 0 : typeof piece !== 'string')
        await setImmediate()
      const room = this.room()
      if (room !== undefined) await room
    }
  }

  /** To be asked before the next piece is read, where that may be a large one. */
  room(): Promise<void> | undefined {
    return this.#out.room?.()
  }

  async #addBytes(bytes: Uint8Array): Promise<void> {
    await this.flush()
    await this.#out.write(bytes)
  }

  /** Sends what was gathered. Before any wait: a live feed's client must not be left without rows that are there. */
  flush(): Promise<void> | undefined {
    if (this.#text === '') return undefined
    const text = this.#text
    this.#text = ''
    return this.#out.write(text)
  }
}

/** Writes a whole body, with memory for one of its chunks. */
export async function writePieces(out: Out, pieces: Iterable<Piece>): Promise<void> {
  const writer = new TextWriter(out)
  await writer.addAll(pieces)
  await writer.flush()
}
