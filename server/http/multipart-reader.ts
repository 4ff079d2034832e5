import { CouchError } from '../couch-error.ts'
import { headerParameter } from './content-type.ts'

/** One part of a multipart body. Its bytes are there until the next part is asked for; what is left of them then is passed over. */
export type ReceivedPart = {
  /** From 1. */
  readonly number: number
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: AsyncIterable<Uint8Array>
}

/** Of one part; what Node allows a whole request. */
const MAX_HEADER_BYTES = 16 * 1024
/** Blanks that a boundary's line may have at its end, where some mail programs left them. */
const MAX_PADDING_BYTES = 64
/** RFC 2046, section 5.1.1. What is longer is in no use, and each byte of it is looked for in every body. */
const BOUNDARY = /^[\x20-\x7e\x80-\xff]{0,69}[\x21-\x7e\x80-\xff]$/

const BLANK = 0x20
const TAB = 0x09
const CR = 0x0d
const LF = 0x0a
const DASH = 0x2d
const CRLF = Buffer.from('\r\n')
const EMPTY_LINE = Buffer.from('\r\n\r\n')

/** The boundary that a `Content-Type` names. @throws CouchError unless it can be one. */
export function multipartBoundary(contentType: string): string {
  const boundary = headerParameter(contentType, 'boundary')
  if (boundary !== undefined && BOUNDARY.test(boundary)) return boundary
  throw new CouchError('bad_request', 'Content-Type: multipart needs a `boundary` of 1 to 70 characters')
}

/**
 * Takes a multipart body (RFC 2046) apart while it comes in: what is in memory is one chunk of it and one part's headers. Lines end with
 * CRLF. Throws `bad_request` that names the part where a body breaks the rules or ends before its last boundary.
 *
 * It is our own because the readers that are to be had are made for forms: they gather each part in memory, or give parts as events
 * that go on while nobody is ready for them.
 */
export async function* multipartParts(
  stream: AsyncIterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<ReceivedPart, void> {
  const splitter = new Splitter(stream[Symbol.asyncIterator](), boundary)
  await passOver(splitter.untilBoundary())
  for (let number = 1; !splitter.wasLast; number++) {
    const headers = await splitter.headers(number)
    const body = withoutEnd(splitter.untilBoundary())
    yield { number, headers, body }
    await passOver(body)
  }
  await splitter.passOverEpilogue()
}

/** Whoever reads a part may stop in the middle; the rest of it is still to be passed over. */
function withoutEnd(bytes: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => bytes.next() }) }
}

async function passOver(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

/** What comes behind the place where a boundary was found: the end of its line, its two last dashes, or what shows that it is none. */
type Found = { readonly kind: 'part' | 'last'; readonly end: number } | { readonly kind: 'none' | 'cut off' }

class Splitter {
  /** True once the boundary that was passed last is the final one. */
  wasLast = false
  readonly #source: AsyncIterator<Uint8Array>
  readonly #boundary: Buffer
  /** Begins with a line's end, so that a boundary at the very beginning is found like any other. */
  #buffer: Buffer = CRLF
  #number = 0

  constructor(source: AsyncIterator<Uint8Array>, boundary: string) {
    this.#source = source
    this.#boundary = Buffer.from(`\r\n--${boundary}`, 'latin1')
  }

  /** The bytes before the next boundary, which is passed. */
  async *untilBoundary(): AsyncGenerator<Uint8Array, void> {
    for (let from = 0; ; ) {
      const at = this.#buffer.indexOf(this.#boundary, from)
      const found = at === -1 ? undefined : this.#behind(at + this.#boundary.length)
      if (found?.kind === 'none') {
        from = at + this.#boundary.length
        continue
      }
      if (found !== undefined && 'end' in found) {
        const bytes = this.#buffer.subarray(0, at)
        this.#buffer = this.#buffer.subarray(found.end)
        this.wasLast = found.kind === 'last'
        if (bytes.length > 0) yield bytes
        return
      }
      const bytes = this.#take(at === -1 ? this.#mayBegin(from) : at)
      from = 0
      if (bytes.length > 0) yield bytes
      await this.#more()
    }
  }

  /** The headers of the part that begins here. */
  async headers(number: number): Promise<ReadonlyMap<string, string>> {
    this.#number = number
    while (this.#buffer.length < CRLF.length) await this.#more()
    if (this.#buffer.indexOf(CRLF) === 0) {
      this.#take(CRLF.length)
      return new Map()
    }
    for (;;) {
      const end = this.#buffer.indexOf(EMPTY_LINE)
      if ((end === -1 ? this.#buffer.length : end) > MAX_HEADER_BYTES)
        throw new CouchError(
          'bad_request',
          `Headers of part ${number} are longer than ${MAX_HEADER_BYTES} bytes`,
        )
      if (end !== -1) return partHeaders(this.#take(end + EMPTY_LINE.length).subarray(0, end), number)
      await this.#more()
    }
  }

  /** What stands behind the last boundary means nothing, but a body that is cut off there may be cut off anywhere. */
  async passOverEpilogue(): Promise<void> {
    this.#buffer = Buffer.alloc(0)
    while (!(await this.#source.next()).done);
  }

  #behind(start: number): Found {
    const buffer = this.#buffer
    if (buffer[start] === DASH && buffer[start + 1] === DASH) return { kind: 'last', end: start + 2 }
    if (buffer[start] === DASH) return { kind: start + 1 < buffer.length ? 'none' : 'cut off' }
    let at = start
    while (buffer[at] === BLANK || buffer[at] === TAB) at++
    if (at - start > MAX_PADDING_BYTES) return { kind: 'none' }
    if (buffer[at] === CR && buffer[at + 1] === LF) return { kind: 'part', end: at + CRLF.length }
    const isCutOff = at === buffer.length || (buffer[at] === CR && at + 1 === buffer.length)
    return { kind: isCutOff ? 'cut off' : 'none' }
  }

  /** Where at the buffer's end a boundary may have begun. */
  #mayBegin(from: number): number {
    const start = Math.max(from, this.#buffer.length - this.#boundary.length + 1)
    const at = this.#buffer.indexOf(CR, start)
    return at === -1 ? this.#buffer.length : at
  }

  #take(length: number): Buffer {
    const bytes = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return bytes
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next()
    if (done) throw this.#cutOff()
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.length)
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
  }

  #cutOff(): CouchError {
    const name = this.#boundary.toString('latin1').trimStart()
    return new CouchError(
      'bad_request',
      this.#number === 0
        ? `The multipart body has no line "${name}" (lines end with CRLF)`
        : `The multipart body ends within part ${this.#number}: its last line "${name}--" is missing`,
    )
  }
}

/** A line that begins with a blank goes on with the one before it. The first one of a name counts. */
function partHeaders(bytes: Buffer, number: number): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const line of headerText(bytes)
    .replace(/\r\n(?=[ \t])/g, '')
    .split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim().toLowerCase()
    if (colon === -1 || name === '')
      throw new CouchError(
        'bad_request',
        `Part ${number} has a header line without a name: "${excerpt(line)}"`,
      )
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim())
  }
  return headers
}

/** File names come as they are, in UTF-8, from CouchDB; others write ISO 8859-1. */
function headerText(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  return text.includes('\ufffd') ? bytes.toString('latin1') : text
}

/** Enough of a line to know it again, without what would tear the message apart. */
function excerpt(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return line.slice(0, 60).replace(/[\x00-\x1f\x7f]/g, '?')
}
