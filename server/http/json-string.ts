import { BACKSLASH, QUOTE } from './json-bytes.ts'

/** Where the closing quote of a string is, looked for from `start`, within it; the text's length if there is none. */
export function closingQuote(source: Buffer, start: number): number {
  for (let from = start; ; ) {
    const quote = source.indexOf(QUOTE, from)
    if (quote === -1) return source.length
    if (!isEscaped(source, from, quote)) return quote
    from = quote + 1
  }
}

/** True if an odd number of backslashes ends at `at`, of those from `from` on. */
function isEscaped(source: Buffer, from: number, at: number): boolean {
  let first = at
  while (first > from && source[first - 1] === BACKSLASH) first--
  return (at - first) % 2 === 1
}

/** Finds where a string of JSON ends, in chunks whose borders may stand anywhere. */
export class StringEnd {
  /** A backslash before the next chunk escapes its first byte. */
  #escaped = false

  /** Looks on from `start`, within the string. Where it ends, after its closing quote, or undefined if that is not in this chunk. */
  find(chunk: Buffer, start: number): number | undefined {
    if (start >= chunk.length) return undefined
    const from = this.#escaped ? start + 1 : start
    const quote = closingQuote(chunk, from)
    if (quote < chunk.length) return quote + 1
    this.#escaped = isEscaped(chunk, from, chunk.length)
    return undefined
  }
}
