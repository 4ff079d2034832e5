import { CouchError } from '../couch-error.ts'
import { parseJson } from '../http/json-body.ts'

/** Of a document that is too large to keep: enough to find its `_id` for the error row. */
const HEAD_BYTES = 64 * 1024

/** A document's text as it stood in the body; `head` instead if it was larger than the scanner keeps. */
export type DocSource =
  | { readonly kind: 'doc'; readonly source: Buffer }
  | { readonly kind: 'too_large'; readonly head: Buffer }

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** What may come next, between values. */
type Expected =
  | 'body'
  | 'first-key'
  | 'key'
  | 'colon'
  | 'value'
  | 'after-value'
  | 'first-doc'
  | 'doc'
  | 'after-doc'
  | 'nothing'

/**
 * Cuts the documents out of a `_bulk_docs` body (`{"docs":[…],"new_edits":false}`, members in any order) while it comes in, in
 * chunks whose borders may stand anywhere, and holds no more than one document. It finds where values begin and end; whether
 * what is between is JSON is for JSON.parse, which reads each cut piece. So body and pieces together are accepted exactly when
 * JSON.parse accepts the whole.
 */
export class DocScanner {
  /** The members beside `docs`, parsed. */
  readonly members = new Map<string, unknown>()
  /** True once a `docs` array has begun. */
  hasDocs = false
  readonly #maxDocBytes: number
  #expected: Expected = 'body'
  #key = ''
  #cut: ValueCut | undefined

  constructor(maxDocBytes: number) {
    this.#maxDocBytes = maxDocBytes
  }

  /** The documents that end in this chunk. */
  push(chunk: Buffer): DocSource[] {
    const docs: DocSource[] = []
    let at = 0
    while (at < chunk.length)
      at = this.#cut === undefined ? this.#step(chunk, at) : this.#value(chunk, at, docs)
    return docs
  }

  /** @throws CouchError if the body is not complete. */
  end(): void {
    if (this.#expected !== 'nothing') throw invalid()
  }

  /** One byte between values. */
  #step(chunk: Buffer, at: number): number {
    const byte = chunk[at]
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1
    switch (this.#expected) {
      case 'body':
        if (byte === OPEN_BRACKET) throw new CouchError('bad_request', 'Request body must be a JSON object')
        return this.#move(at, byte === OPEN_BRACE, 'first-key')
      case 'first-key':
        return byte === CLOSE_BRACE ? this.#move(at, true, 'nothing') : this.#begin(at, byte === QUOTE)
      case 'key':
        return this.#begin(at, byte === QUOTE)
      case 'colon':
        return this.#move(at, byte === COLON, 'value')
      case 'value':
        return this.#beginValue(at, byte)
      case 'after-value':
        return byte === CLOSE_BRACE ? this.#move(at, true, 'nothing') : this.#move(at, byte === COMMA, 'key')
      case 'first-doc':
        return byte === CLOSE_BRACKET ? this.#move(at, true, 'after-value') : this.#begin(at, true)
      case 'doc':
        return this.#begin(at, byte !== CLOSE_BRACKET)
      case 'after-doc':
        return byte === CLOSE_BRACKET
          ? this.#move(at, true, 'after-value')
          : this.#move(at, byte === COMMA, 'doc')
      case 'nothing':
        throw invalid()
    }
  }

  #move(at: number, allowed: boolean, expected: Expected): number {
    if (!allowed) throw invalid()
    this.#expected = expected
    return at + 1
  }

  #begin(at: number, allowed: boolean): number {
    if (!allowed) throw invalid()
    this.#cut = new ValueCut(this.#maxDocBytes)
    return at
  }

  #beginValue(at: number, byte: number | undefined): number {
    if (this.#key !== 'docs' || byte !== OPEN_BRACKET) return this.#begin(at, true)
    if (this.hasDocs) throw new CouchError('bad_request', '`docs` stands twice in the body')
    this.hasDocs = true
    return this.#move(at, true, 'first-doc')
  }

  #value(chunk: Buffer, at: number, docs: DocSource[]): number {
    const cut = this.#cut as ValueCut
    const end = cut.push(chunk, at)
    if (end === undefined) return chunk.length
    this.#cut = undefined
    this.#finish(cut, docs)
    return end
  }

  #finish(cut: ValueCut, docs: DocSource[]): void {
    if (this.#expected === 'first-doc' || this.#expected === 'doc') {
      docs.push(cut.source())
      this.#expected = 'after-doc'
      return
    }
    const value = parse(cut.source())
    if (this.#expected === 'value') this.members.set(this.#key, value)
    else this.#key = String(value)
    this.#expected = this.#expected === 'value' ? 'after-value' : 'colon'
  }
}

/** One value, from its first byte to its last. */
class ValueCut {
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

  source(): DocSource {
    const bytes = concat(this.#parts)
    if (this.#bytes > this.#maxBytes) return { kind: 'too_large', head: bytes }
    return { kind: 'doc', source: bytes }
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
    if (this.#bytes > this.#maxBytes) this.#parts = [concat(this.#parts).subarray(0, HEAD_BYTES)]
  }
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

function parse(value: DocSource): unknown {
  if (value.kind === 'too_large') throw new CouchError('too_large', 'A member beside `docs` is too large')
  return parseJson(value.source as Uint8Array)
}

function invalid(): CouchError {
  return new CouchError('bad_request', 'invalid UTF-8 JSON')
}

/** The cast: the types of pouchdb-core declare a global Buffer of their own, which is no Uint8Array of today. */
function concat(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts as readonly Uint8Array[])
}
