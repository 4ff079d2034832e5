import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { chooseGzip, echoEtag } from './content-coding.ts'
import { type Exchange, REQUEST_ID } from './exchange.ts'
import { GzipOut } from './gzip-out.ts'
import { type Head, joinedHead } from './head.ts'
import type { Answer, Out } from './route.ts'
import { endWith, socketOut } from './socket-out.ts'
import { type AnswerRoom, LIGHT_ANSWER_BYTES } from './unread-answers.ts'

const gzipped = promisify<string | Uint8Array, Buffer>(gzip)

/** How an answer is written. */
export type Writing = {
  /** Whether it may be compressed. */
  readonly gzip: boolean
  /** Where its bytes count as unread. Absent: it is small. */
  readonly room?: AnswerRoom | undefined
}

/** Writes an answer: the one place that does. HEAD gets the headers that GET would get. A promise only of what cannot be written at once. */
export function writeAnswer(exchange: Exchange, answer: Answer, writing: Writing): Promise<void> | undefined {
  const { response } = exchange
  dropHeaders(exchange)
  response.statusCode = answer.status ?? 200
  const head: Head = { [REQUEST_ID]: exchange.requestId, ...defaultHeaders(answer), ...answer.headers }
  if (writing.gzip) echoEtag(exchange, head)
  if ('write' in answer) return writeStream(exchange, head, answer.write, writing)
  return writeBody(exchange, head, bodyOf(answer), writing)
}

function writeBody(
  exchange: Exchange,
  head: Head,
  body: string | Uint8Array | undefined,
  { gzip: mayGzip, room }: Writing,
): Promise<void> | undefined {
  const { response } = exchange
  const length = body === undefined ? undefined : Buffer.byteLength(body)
  const isGzipped = length !== undefined && mayGzip && chooseGzip(exchange, head, length)
  const isLarge = body !== undefined && body.length > LIGHT_ANSWER_BYTES
  if (!isGzipped) sayLength(exchange, head, length)
  if (exchange.method === 'HEAD' || body === undefined) {
    writeHead(exchange, head)
    response.end()
    return undefined
  }
  if (isLarge) {
    setHead(exchange, head)
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    return writeLarge(exchange, isGzipped ? gzipped(bytes) : bytes, room)
  }
  if (isGzipped) {
    setHead(exchange, head)
    return gzipped(body).then(bytes => endWith(response, bytes))
  }
  writeHead(exchange, head)
  endWith(response, body)
  return undefined
}

/** Where there is no body Node says so by itself, but for a head that is written by itself. */
function sayLength({ method, response }: Exchange, head: Head, length: number | undefined): void {
  if (length !== undefined) head['Content-Length'] ??= String(length)
  else if (method !== 'HEAD' && response.statusCode !== 304 && response.statusCode !== 204)
    head['Content-Length'] = '0'
}

/** Writes the head at once: a quarter of the cost of one header after the other. */
function writeHead({ response, commonHead }: Exchange, head: Head): void {
  response.writeHead(response.statusCode, joinedHead(commonHead, head))
}

/** Sets the head, which goes out with the first byte: until then an error can still take its place. */
function setHead({ response, commonHead }: Exchange, head: Head): void {
  for (const [name, value] of Object.entries({ ...commonHead.values, ...head }))
    response.setHeader(name, value)
}

async function writeLarge(
  { response }: Exchange,
  bytes: Uint8Array | Promise<Uint8Array>,
  room: AnswerRoom | undefined,
): Promise<void> {
  await socketOut(response, room).write(await bytes)
  response.end()
}

/** What an answer said before it failed and this one took its place. */
function dropHeaders({ response }: Exchange): void {
  response.statusMessage = ''
  for (const name of response.getHeaderNames()) response.removeHeader(name)
}

const NO_BODY: Head = { 'Cache-Control': 'must-revalidate' }
const JSON_TEXT: Head = { ...NO_BODY, 'Content-Type': 'application/json' }
const BYTES: Head = { ...NO_BODY, 'Content-Type': 'application/octet-stream' }

/** What every answer says unless it says otherwise. CouchDB has caches ask again each time, so do we. */
function defaultHeaders(answer: Answer): Head {
  if ('empty' in answer) return NO_BODY
  return 'bytes' in answer ? BYTES : JSON_TEXT
}

function bodyOf(answer: Exclude<Answer, { write: unknown }>): string | Uint8Array | undefined {
  if ('json' in answer) return `${JSON.stringify(answer.json)}\n`
  if ('text' in answer) return answer.text
  if ('bytes' in answer) return answer.bytes
  return undefined
}

/**
 * Once a piece is out, the status is too: what goes wrong later can only cut the socket. The client sees an answer
 * that breaks off and asks again; a well-formed end would have it believe it has everything.
 */
async function writeStream(
  exchange: Exchange,
  head: Head,
  write: (out: Out) => Promise<void>,
  { gzip: mayGzip, room }: Writing,
): Promise<void> {
  const { response } = exchange
  const isGzipped = mayGzip && chooseGzip(exchange, head, lengthOf(head))
  setHead(exchange, head)
  if (exchange.method === 'HEAD') {
    response.end()
    return
  }
  const out = socketOut(response, room)
  if (isGzipped) await writeGzipped(new GzipOut(out), write)
  else await write(out)
  response.end()
}

async function writeGzipped(out: GzipOut, write: (out: Out) => Promise<void>): Promise<void> {
  await write(out)
  await out.end()
}

/** How long a stream says it is, if it does. */
function lengthOf(head: Head): number | undefined {
  const length = head['Content-Length']
  return length === undefined ? undefined : Number(length)
}
