import { setImmediate } from 'node:timers/promises'
import type { Out } from '../http/route.ts'

/** Large enough that the cost of a write does not count, small enough that a slow client holds little. */
const CHUNK_CHARS = 64 * 1024

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

  add(text: string): Promise<void> | undefined {
    this.#text += text
    return this.#text.length < CHUNK_CHARS ? undefined : (this.flush() ?? setImmediate())
  }

  /** Adds text piece by piece, no faster than the client reads it. */
  async addAll(pieces: Iterable<string>): Promise<void> {
    for (const piece of pieces) {
      const written = this.add(piece)
      if (written !== undefined) await written
    }
  }

  /** Sends what was gathered. Before any wait: a live feed's client must not be left without rows that are there. */
  flush(): Promise<void> | undefined {
    if (this.#text === '') return undefined
    const text = this.#text
    this.#text = ''
    return this.#out.write(text)
  }
}
