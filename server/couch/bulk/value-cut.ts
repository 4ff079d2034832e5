import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../../http/json-bytes.ts'
import { StringEnd } from '../../http/json-string.ts'
import { IdFinder } from './id-finder.ts'

/** A value's text as it stood in the body; of one that is larger than asked for only its `_id`, for the error row. */
export type CutValue =
  | { readonly kind: 'whole'; readonly source: Buffer }
  | { readonly kind: 'too_large'; readonly id: string }

/**
 * Cuts one JSON value out of chunks, from its first byte to its last, by brackets and quotes alone: what is between them need not be
 * JSON.
 */
export class ValueCut {
  readonly #maxBytes: number
  #kind: 'unknown' | 'string' | 'nested' | 'scalar' = 'unknown'
  #depth = 0
  #string: StringEnd | undefined
  #parts: Buffer[] = []
  #bytes = 0
  /** Of a value that is too large. */
  #idFinder: IdFinder | undefined

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
    if (this.#idFinder !== undefined) return { kind: 'too_large', id: this.#idFinder.id }
    return { kind: 'whole', source: Buffer.concat(this.#parts) }
  }

  #find(chunk: Buffer, start: number): number | undefined {
    if (this.#kind === 'unknown') this.#kind = kindOf(chunk[start])
    return this.#kind === 'scalar' ? endOfScalar(chunk, start) : this.#endOfNested(chunk, start)
  }

  /** A string is treated as nesting of depth 0 that ends with its closing quote. */
  #endOfNested(chunk: Buffer, start: number): number | undefined {
    let at = start
    while (at < chunk.length) {
      if (this.#string !== undefined) {
        const end = this.#string.find(chunk, at)
        if (end === undefined) return undefined
        this.#string = undefined
        if (this.#depth === 0) return end
        at = end
        continue
      }
      const byte = chunk[at++]
      if (byte === QUOTE) this.#string = new StringEnd()
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++
      else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --this.#depth === 0) return at
    }
    return undefined
  }

  #keep(bytes: Buffer): void {
    this.#bytes += bytes.length
    this.#parts.push(bytes)
    if (this.#bytes <= this.#maxBytes) return
    this.#idFinder ??= new IdFinder()
    for (const part of this.#parts.splice(0)) this.#idFinder.push(part)
  }
}

/** The `_id` of a document whose text is too large to be parsed; empty if there is none. */
export function idInText(source: Buffer): string {
  const finder = new IdFinder()
  finder.push(source)
  return finder.id
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
