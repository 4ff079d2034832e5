/** How much of the whole one caller may take, */
const SHARE = 1 / 4
/** and what all may take together that is not their only one. The rest is for those who hold nothing yet. */
const COMMON = 1 / 2

/** Counts bytes that are held for callers, and knows whether there is room for more. */
export class ByteShares {
  readonly #maxBytes: number
  readonly #byCaller = new Map<string, number>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Counts, room or no room. A negative number gives back. */
  add(caller: string, bytes: number): void {
    this.#bytes += bytes
    const held = this.heldBy(caller) + bytes
    if (held > 0) this.#byCaller.set(caller, held)
    else this.#byCaller.delete(caller)
  }

  /** True while so little is held that every caller has room: to be asked often. */
  get isQuiet(): boolean {
    return this.#bytes < this.#maxBytes * SHARE
  }

  /** Whether there is room in the whole for one that is not the caller's first. */
  hasCommonRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.#maxBytes * COMMON
  }

  /** Whether there is room in the whole for a caller's first one. */
  hasRoom(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#maxBytes
  }

  hasShare(caller: string, bytes: number): boolean {
    return this.heldBy(caller) + bytes <= this.#maxBytes * SHARE
  }

  heldBy(caller: string): number {
    return this.#byCaller.get(caller) ?? 0
  }
}
