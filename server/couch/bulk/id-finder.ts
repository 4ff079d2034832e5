import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from '../../http/json-bytes.ts'
import { StringEnd } from '../../http/json-string.ts'

/** Longer names and ids are not remembered: what is looked for is to be told to a client. */
const MAX_TEXT_BYTES = 64 * 1024

/**
 * Finds a document's `_id` in text that is too large to be parsed, in chunks. Not at its beginning: PouchDB sends a document's own
 * members first, and takes an error row without an id for a success. And not in what is nested.
 */
export class IdFinder {
  #id = ''
  #depth = 0
  #isKey = false
  #key = ''
  #string: StringEnd | undefined
  /** The string that is being read, if it is a member of the document itself or its name. */
  #parts: Buffer[] | undefined
  #bytes = 0

  /** The id found so far; empty if there is none. */
  get id(): string {
    return this.#id
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length)
      at = this.#string === undefined ? this.#step(chunk, at) : this.#read(this.#string, chunk, at)
  }

  /** One byte between strings. */
  #step(chunk: Buffer, at: number): number {
    const byte = chunk[at]
    if (byte === QUOTE) this.#begin()
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#isKey = ++this.#depth === 1
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#depth--
    else if (byte === COMMA) this.#isKey = this.#depth === 1
    else if (byte === COLON) this.#isKey = false
    return at + 1
  }

  #begin(): void {
    this.#string = new StringEnd()
    this.#bytes = 0
    if (this.#depth === 1 && (this.#isKey || this.#key === '_id')) this.#parts = []
  }

  #read(string: StringEnd, chunk: Buffer, start: number): number {
    const end = string.find(chunk, start)
    if (this.#parts !== undefined) this.#keep(this.#parts, chunk.subarray(start, end))
    if (end === undefined) return chunk.length
    if (this.#depth === 1) this.#take(this.#parts === undefined ? '' : textOf(this.#parts))
    this.#string = undefined
    this.#parts = undefined
    return end
  }

  #keep(parts: Buffer[], bytes: Buffer): void {
    parts.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes > MAX_TEXT_BYTES) this.#parts = undefined
  }

  #take(text: string): void {
    if (this.#isKey) this.#key = text
    else if (this.#key === '_id') this.#id = text
  }
}

/** What a string says, from its bytes after the opening quote. */
function textOf(parts: readonly Buffer[]): string {
  try {
    return String(JSON.parse(`"${Buffer.concat(parts).toString()}`))
  } catch {
    return ''
  }
}
