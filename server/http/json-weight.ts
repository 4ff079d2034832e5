const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b

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

/** Where the string that begins at `start` ends; past the end if it does not. */
function closingQuote(source: Buffer, start: number): number {
  for (let from = start; ; ) {
    const quote = source.indexOf(QUOTE, from)
    if (quote === -1) return source.length
    let at = quote
    while (at > from && source[at - 1] === BACKSLASH) at--
    if ((quote - at) % 2 === 0) return quote
    from = quote + 1
  }
}
