/** What came for a request. The body is there only if it was asked for. */
export type Reply = {
  readonly status: number
  readonly bytes: number
  /** How often the mark was in the body. */
  readonly marks: number
  readonly body: Buffer
}

/** What is looked at in an answer while it comes in. */
export type Reading = {
  /** A text that is in each row once. Rows are counted by it, for not every server writes each on a line of its own. */
  readonly mark?: string | undefined
  /** Keep the body. */
  readonly keep?: boolean | undefined
  /** Called with each piece of the body. */
  readonly onPiece?: ((piece: Buffer) => void) | undefined
}

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'trailer' | 'until-close'

const NEWLINE = 10
const CRLF_BYTES = 2

/**
 * Reads the answers of one HTTP/1.1 connection, and of them as little as it can: the benchmark's client must cost less than
 * any server. Nothing is parsed but the head and the sizes of chunks.
 */
export class ReplyReader {
  #state: State = 'head'
  #rest: Buffer = Buffer.alloc(0)
  #left = 0
  #status = 0
  #bytes = 0
  #marks = 0
  #reading: Reading = {}
  #mark: Buffer | undefined
  /** The end of the piece before, which may hold the beginning of a mark. */
  #seam: Buffer = Buffer.alloc(0)
  #pieces: Buffer[] = []
  readonly #done: (reply: Reply) => void

  constructor(done: (reply: Reply) => void) {
    this.#done = done
  }

  /** To be called before each request. */
  expect(reading: Reading): void {
    this.#reading = reading
    this.#mark = reading.mark === undefined ? undefined : Buffer.from(reading.mark)
  }

  push(piece: Buffer): void {
    let input = piece
    while (input.length > 0) input = this.#take(input)
  }

  /** The connection has ended: that is the end of an answer that says neither length nor chunks. */
  end(): void {
    if (this.#state === 'until-close') this.#finish()
  }

  #take(input: Buffer): Buffer {
    if (this.#state === 'head') return this.#takeHead(input)
    if (this.#state === 'chunk-size' || this.#state === 'trailer') return this.#takeLine(input)
    const body = input.subarray(0, this.#left)
    const wanted =
      this.#state === 'chunk' ? Math.min(body.length, Math.max(0, this.#left - CRLF_BYTES)) : body.length
    if (wanted > 0) this.#takeBody(body.subarray(0, wanted))
    this.#left -= body.length
    if (this.#left === 0) {
      if (this.#state === 'chunk') this.#state = 'chunk-size'
      else this.#finish()
    }
    return input.subarray(body.length)
  }

  #takeHead(input: Buffer): Buffer {
    const all = this.#rest.length === 0 ? input : Buffer.concat([this.#rest, input])
    const end = all.indexOf('\r\n\r\n')
    if (end < 0) {
      this.#rest = all
      return Buffer.alloc(0)
    }
    this.#rest = Buffer.alloc(0)
    const head = all.toString('latin1', 0, end)
    this.#status = Number(head.slice(9, 12))
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) this.#state = 'chunk-size'
    else if (length !== null || [204, 304].includes(this.#status)) {
      this.#left = Number(length?.[1] ?? 0)
      this.#state = 'length'
      if (this.#left === 0) this.#finish()
    } else {
      this.#left = Number.POSITIVE_INFINITY
      this.#state = 'until-close'
    }
    return all.subarray(end + 4)
  }

  #takeLine(input: Buffer): Buffer {
    const end = input.indexOf(NEWLINE)
    const piece = end < 0 ? input : input.subarray(0, end + 1)
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    if (end < 0) return Buffer.alloc(0)
    const line = this.#rest.toString('latin1').trim()
    this.#rest = Buffer.alloc(0)
    if (this.#state === 'trailer') {
      if (line === '') this.#finish()
    } else {
      const size = Number.parseInt(line, 16)
      this.#state = size === 0 ? 'trailer' : 'chunk'
      this.#left = size + CRLF_BYTES
    }
    return input.subarray(end + 1)
  }

  #takeBody(piece: Buffer): void {
    this.#bytes += piece.length
    if (this.#mark !== undefined) this.#countMarks(piece, this.#mark)
    if (this.#reading.keep === true) this.#pieces.push(piece)
    this.#reading.onPiece?.(piece)
  }

  #countMarks(piece: Buffer, mark: Buffer): void {
    const overlap = mark.length - 1
    if (this.#seam.length > 0)
      this.#marks += occurrences(Buffer.concat([this.#seam, piece.subarray(0, overlap)]), mark)
    this.#marks += occurrences(piece, mark)
    const end = piece.length >= overlap ? piece : Buffer.concat([this.#seam, piece])
    this.#seam = end.subarray(Math.max(0, end.length - overlap))
  }

  #finish(): void {
    const reply = {
      status: this.#status,
      bytes: this.#bytes,
      marks: this.#marks,
      body: Buffer.concat(this.#pieces),
    }
    this.#state = 'head'
    this.#bytes = 0
    this.#marks = 0
    this.#seam = Buffer.alloc(0)
    this.#pieces = []
    this.#done(reply)
  }
}

function occurrences(text: Buffer, mark: Buffer): number {
  let count = 0
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) count++
  return count
}
