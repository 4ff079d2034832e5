import { COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './json-bytes.ts'
import { closingQuote } from './json-string.ts'

/** What a JSON text costs once it is parsed, roughly, told from its bytes alone. */
export type JsonWeight = {
  /** Bytes that are neither inside of strings nor blank. In memory each may become some twenty, those in strings one or two. */
  readonly plainBytes: number
  /** Objects, lists and their items: what parsing makes is about as many values. */
  readonly values: number
}

/** Weighs a JSON text, reading it once, before JSON.parse fills memory with it: `[{},{},…]` takes twenty times its text. */
export function jsonWeight(source: Buffer): JsonWeight {
  let plainBytes = 0
  let values = 0
  for (let at = 0; at < source.length; at++) {
    const byte = source[at] as number
    if (byte <= 0x20) continue
    plainBytes++
    if (byte === COMMA || byte === OPEN_BRACE || byte === OPEN_BRACKET) values++
    else if (byte === QUOTE) {
      at = closingQuote(source, at + 1)
      plainBytes++
    }
  }
  return { plainBytes, values }
}
