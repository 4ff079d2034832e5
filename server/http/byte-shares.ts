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
    const held = this.#heldBy(caller) + bytes
    if (held > 0) this.#byCaller.set(caller, held)
    else this.#byCaller.delete(caller)
  }

  /** True while so little is held that every caller has room: to be asked often. */
  get isQuiet(): boolean {
    return this.#bytes < this.#maxBytes * SHARE
  }

  /** Whether there is room in the whole, beside the `own` bytes of who asks. One that is alone always has room. */
  hasRoom(caller: string, bytes: number, own = 0): boolean {
    const isOnlyOne = this.#heldBy(caller) <= own
    return this.#bytes <= own || this.#bytes + bytes <= this.#maxBytes * (isOnlyOne ? 1 : COMMON)
  }

  /** Whether the caller's share has room. His only one may be as large as it likes. */
  hasShare(caller: string, bytes: number, own = 0): boolean {
    const held = this.#heldBy(caller)
    return held <= own || held + bytes <= this.#maxBytes * SHARE
  }

  #heldBy(caller: string): number {
    return this.#byCaller.get(caller) ?? 0
  }
}
