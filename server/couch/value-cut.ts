/** Of a document that is too large to keep: enough to find its `_id` for the error row. */
const HEAD_BYTES = 64 * 1024

/** A value's text as it stood in the body; only its `head` if it was larger than asked for. */
export type CutValue =
  | { readonly kind: 'whole'; readonly source: Buffer }
  | { readonly kind: 'too_large'; readonly head: Buffer }

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/**
 * Cuts one JSON value out of chunks, from its first byte to its last, by brackets and quotes alone: what is between them need not be
 * JSON.
 */
export class ValueCut {
  readonly #maxBytes: number
  #kind: 'unknown' | 'string' | 'nested' | 'scalar' = 'unknown'
  #depth = 0
  #inString = false
  /** Within a string: an odd number of backslashes stands right before here. */
  #escaped = false
  #parts: Buffer[] = []
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Takes bytes from `start`. Where the value ends in this chunk, or undefined if it goes on. */
  push(chunk: Buffer, start: number): number | undefined {
    const end = this.#find(chunk, start)
    this.#keep(chunk.subarray(start, end))
    return end
  }

  source(): CutValue {
    const bytes = Buffer.concat(this.#parts)
    if (this.#bytes > this.#maxBytes) return { kind: 'too_large', head: bytes }
    return { kind: 'whole', source: bytes }
  }

  #find(chunk: Buffer, start: number): number | undefined {
    if (this.#kind === 'unknown') this.#kind = kindOf(chunk[start])
    return this.#kind === 'scalar' ? endOfScalar(chunk, start) : this.#endOfNested(chunk, start)
  }

  /** A string is treated as nesting of depth 0 that ends with its closing quote. */
  #endOfNested(chunk: Buffer, start: number): number | undefined {
    let at = start
    while (at < chunk.length) {
      if (this.#inString) {
        at = this.#endOfString(chunk, at)
        if (this.#inString) return undefined
        if (this.#depth === 0) return at
        continue
      }
      const byte = chunk[at++]
      if (byte === QUOTE) this.#inString = true
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++
      else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --this.#depth === 0) return at
    }
    return undefined
  }

  /** After the closing quote; at the chunk's end with `#inString` still true if it is not here. */
  #endOfString(chunk: Buffer, start: number): number {
    let from = start
    for (;;) {
      const quote = chunk.indexOf(QUOTE, from)
      const escaped = this.#isEscaped(chunk, from, quote === -1 ? chunk.length : quote)
      if (quote === -1) {
        this.#escaped = escaped
        return chunk.length
      }
      this.#escaped = false
      if (!escaped) {
        this.#inString = false
        return quote + 1
      }
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

  #keep(bytes: Buffer): void {
    const wasTooLarge = this.#bytes > this.#maxBytes
    this.#bytes += bytes.length
    if (wasTooLarge) return
    this.#parts.push(bytes)
    if (this.#bytes > this.#maxBytes) this.#parts = [headOf(Buffer.concat(this.#parts))]
  }
}

/** The beginning of a text that is too large to keep. */
export function headOf(source: Buffer): Buffer {
  return source.subarray(0, HEAD_BYTES)
}

function kindOf(byte: number | undefined): 'string' | 'nested' | 'scalar' {
  if (byte === QUOTE) return 'string'
  return byte === OPEN_BRACE || byte === OPEN_BRACKET ? 'nested' : 'scalar'
}

function endOfScalar(chunk: Buffer, start: number): number | undefined {
  for (let at = start; at < chunk.length; at++) {
    const byte = chunk[at] as number
    if (byte <= 0x20 || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) return at
  }
  return undefined
}
