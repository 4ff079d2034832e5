import { randomBytes } from 'node:crypto'
import type { Piece } from './text-writer.ts'

/** One part of a multipart body to be written. */
export type WrittenPart = {
  /** Lines such as `Content-Type: text/plain`. Their values are made by header-values.ts: nothing in them can end a line. */
  readonly headers: readonly string[]
  readonly body: Iterable<Piece>
}

/** A part that knows how many bytes its body has. */
export type SizedPart = WrittenPart & { readonly length: number }

/**
 * A new boundary: 128 random bits that nobody knows before the answer, so no stored body holds them on purpose, and by chance one in
 * 10^20 answers of an exabyte each. A nested body has one of its own.
 */
export function newBoundary(): string {
  return randomBytes(16).toString('hex')
}

/**
 * The text of a multipart body as CouchDB writes it (couch_httpd_multipart.erl): it begins with its boundary and ends with two dashes
 * and nothing after them, where CouchDB's replicator takes a line break for an error. No header is folded, which it cannot read.
 */
export function* multipartPieces(boundary: string, parts: Iterable<WrittenPart>): Generator<Piece> {
  let delimiter = `--${boundary}`
  for (const { headers, body } of parts) {
    yield [delimiter, ...headers, '\r\n'].join('\r\n')
    delimiter = `\r\n--${boundary}`
    yield* body
  }
  yield `${delimiter}--`
}

/** How many bytes `multipartPieces` gives, without reading a body. */
export function multipartLength(boundary: string, parts: readonly SizedPart[]): number {
  const frame = [...multipartPieces(boundary, parts.map(withoutBody))].join('')
  return parts.reduce((sum, { length }) => sum + length, Buffer.byteLength(frame))
}

function withoutBody({ headers }: WrittenPart): WrittenPart {
  return { headers, body: [] }
}
