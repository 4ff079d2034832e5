import type { ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { chooseGzip, echoEtag } from './content-coding.ts'
import { GzipOut } from './gzip-out.ts'
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

/** Writes an answer: the one place that does. HEAD gets the headers that GET would get. */
export async function writeAnswer(
  response: ServerResponse,
  answer: Answer,
  { gzip: mayGzip, room }: Writing,
): Promise<void> {
  response.statusCode = answer.status ?? 200
  dropHeaders(response)
  for (const [name, value] of Object.entries(defaultHeaders(answer))) response.setHeader(name, value)
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
  if (mayGzip) echoEtag(response)
  if ('write' in answer) return writeStream(response, answer.write, { gzip: mayGzip, room })
  return writeBody(response, bodyOf(answer), { gzip: mayGzip, room })
}

function writeBody(
  response: ServerResponse,
  body: string | Uint8Array | undefined,
  { gzip: mayGzip, room }: Writing,
): Promise<void> | undefined {
  const isHead = response.req.method === 'HEAD'
  const isGzipped = body !== undefined && mayGzip && chooseGzip(response, Buffer.byteLength(body))
  if (body !== undefined && !isGzipped && !response.hasHeader('Content-Length')) {
    response.setHeader('Content-Length', Buffer.byteLength(body))
  }
  if (isHead || body === undefined) {
    response.end()
    return undefined
  }
  if (body.length > LIGHT_ANSWER_BYTES) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    return writeLarge(response, isGzipped ? gzipped(bytes) : bytes, room)
  }
  if (isGzipped) return gzipped(body).then(bytes => endWith(response, bytes))
  endWith(response, body)
  return undefined
}

async function writeLarge(
  response: ServerResponse,
  bytes: Uint8Array | Promise<Uint8Array>,
  room: AnswerRoom | undefined,
): Promise<void> {
  await socketOut(response, room).write(await bytes)
  response.end()
}

/** What an answer said about its body, before it failed and this one took its place. */
function dropHeaders(response: ServerResponse): void {
  for (const name of ['Content-Encoding', 'Content-Length', 'ETag']) {
    // To be asked first: once a length was removed, even one that was not there, Node sets none by itself.
    if (response.hasHeader(name)) response.removeHeader(name)
  }
}

/** What every answer says unless it says otherwise. CouchDB has caches ask again each time, so do we. */
function defaultHeaders(answer: Answer): Record<string, string> {
  if ('empty' in answer) return { 'Cache-Control': 'must-revalidate' }
  const contentType = 'bytes' in answer ? 'application/octet-stream' : 'application/json'
  return { 'Cache-Control': 'must-revalidate', 'Content-Type': contentType }
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
  response: ServerResponse,
  write: (out: Out) => Promise<void>,
  { gzip: mayGzip, room }: Writing,
): Promise<void> {
  const isGzipped = mayGzip && chooseGzip(response, lengthOf(response))
  if (response.req.method === 'HEAD') {
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
function lengthOf(response: ServerResponse): number | undefined {
  const length = response.getHeader('Content-Length')
  return length === undefined ? undefined : Number(length)
}
