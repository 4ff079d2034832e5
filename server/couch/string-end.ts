const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Finds where a string of JSON ends, in chunks whose borders may stand anywhere. */
export class StringEnd {
  /** An odd number of backslashes stands right before the next chunk. */
  #escaped = false

  /** Looks on from `start`, within the string. Where it ends, after its closing quote, or undefined if that is not in this chunk. */
  find(chunk: Buffer, start: number): number | undefined {
    let from = start
    for (;;) {
      const quote = chunk.indexOf(QUOTE, from)
      const escaped = this.#isEscaped(chunk, from, quote === -1 ? chunk.length : quote)
      if (quote === -1) {
        this.#escaped = escaped
        return undefined
      }
      this.#escaped = false
      if (!escaped) return quote + 1
      from = quote + 1
    }
  }

  /** True if an odd number of backslashes ends at `end`. Before `from` stands what `#escaped` says. */
  #isEscaped(chunk: Buffer, from: number, end: number): boolean {
    let at = end
    while (at > from && chunk[at - 1] === BACKSLASH) at--
    const odd = (end - at) % 2 === 1
    return at === from && this.#escaped ? !odd : odd
  }
}
