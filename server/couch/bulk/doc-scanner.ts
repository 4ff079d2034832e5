import { CouchError } from '../../couch-error.ts'
import { parseJson } from '../../http/json-body.ts'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from '../../http/json-bytes.ts'
import { type CutValue, ValueCut } from './value-cut.ts'

/** All members beside `docs`, their names included: CouchDB knows of one, a boolean. */
const MAX_MEMBERS_BYTES = 1024 * 1024

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
  #membersBytes = 0

  constructor(maxDocBytes: number) {
    this.#maxDocBytes = maxDocBytes
  }

  /** The documents that end in this chunk. */
  push(chunk: Buffer): CutValue[] {
    const docs: CutValue[] = []
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
    this.#cut = new ValueCut(this.#isAtDoc() ? this.#maxDocBytes : MAX_MEMBERS_BYTES - this.#membersBytes)
    return at
  }

  #isAtDoc(): boolean {
    return this.#expected === 'first-doc' || this.#expected === 'doc'
  }

  #beginValue(at: number, byte: number | undefined): number {
    if (this.#key !== 'docs' || byte !== OPEN_BRACKET) return this.#begin(at, true)
    if (this.hasDocs) throw new CouchError('bad_request', '`docs` stands twice in the body')
    this.hasDocs = true
    return this.#move(at, true, 'first-doc')
  }

  #value(chunk: Buffer, at: number, docs: CutValue[]): number {
    const cut = this.#cut as ValueCut
    const end = cut.push(chunk, at)
    if (end === undefined) return chunk.length
    this.#cut = undefined
    this.#finish(cut, docs)
    return end
  }

  #finish(cut: ValueCut, docs: CutValue[]): void {
    const found = cut.source()
    if (this.#isAtDoc()) {
      docs.push(found)
      this.#expected = 'after-doc'
      return
    }
    if (found.kind === 'too_large')
      throw new CouchError('too_large', 'The members beside `docs` are too large')
    this.#membersBytes += found.source.length
    const value = parseJson(found.source)
    if (this.#expected === 'value') this.members.set(this.#key, value)
    else this.#key = String(value)
    this.#expected = this.#expected === 'value' ? 'after-value' : 'colon'
  }
}

function invalid(): CouchError {
  return new CouchError('bad_request', 'invalid UTF-8 JSON')
}
