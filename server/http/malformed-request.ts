import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorJson } from './error-answer.ts'
import { isWithinAnswer, type PendingAnswers } from './pending-answers.ts'

/** Why a request is answered before it has become one, so that no route and no log ever sees it. */
export type Malformed = {
  readonly status: number
  readonly error: string
  readonly reason: string
  /** Of the request, as far as it was read. */
  readonly url?: string | undefined
}

/** How long a client that was refused may go on sending. Closing on unread bytes would take the refusal away from it. */
const LINGER_MS = 2000

/** What Node's parser has against it, in the words of any other refusal; Node's own answers have no body. */
function malformedBy({ code }: NodeJS.ErrnoException): Malformed {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, error: 'too_large', reason: 'The path and the headers are too long.' }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, error: 'too_large', reason: 'The extensions of a chunk are too long.' }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return SLOW
    default:
      return { status: 400, error: 'bad_request', reason: 'This is not a request of HTTP/1.1.' }
  }
}

export const SLOW: Malformed = {
  status: 408,
  error: 'request_timeout',
  reason: 'The request did not arrive in time.',
}

/** We are nobody's proxy. */
const TUNNEL: Malformed = {
  status: 405,
  error: 'method_not_allowed',
  reason: 'CONNECT is not allowed.',
}

const UNEXPECTED: Malformed = {
  status: 417,
  error: 'bad_request',
  reason: 'Of `Expect` only 100-continue is known.',
}

/**
 * Has the server refuse, as `{"error", "reason"}`, what never becomes a request that a route could answer. Returns the way to refuse
 * whatever else comes on a socket; once refused, it is closed.
 */
export function refuseMalformed(
  server: Server,
  pending: PendingAnswers,
): (socket: Duplex, malformed: Malformed) => void {
  const refused = new WeakSet<Duplex>()
  // Once: what comes after rubbish is rubbish too.
  const refuse = (socket: Duplex, malformed: Malformed) => {
    if (refused.has(socket)) return
    refused.add(socket)
    refuseInTurn(socket, pending(socket), malformed)
  }
  server.on('clientError', (error, socket) => refuse(socket, malformedBy(error)))
  server.on('connect', (_request, socket) => refuse(socket, TUNNEL))
  server.on('checkExpectation', ({ socket, url }: IncomingMessage) => refuse(socket, { ...UNEXPECTED, url }))
  return refuse
}

/** After the answers to what came before on the same connection, but not into the middle of one. */
function refuseInTurn(socket: Duplex, pending: ReadonlySet<ServerResponse>, malformed: Malformed): void {
  const [first] = pending
  if (socket.destroyed || isWithinAnswer(pending)) socket.destroy()
  else if (first?.req.complete)
    first.once('close', () => setImmediate(refuseInTurn, socket, pending, malformed))
  else if (socket.writable) writeRefusal(socket, malformed)
}

/** Answers on the bare socket, and closes it. */
function writeRefusal(socket: Duplex, { status, error, reason, url = '' }: Malformed): void {
  const [path = ''] = url.split('?', 1)
  const body = `${JSON.stringify(errorJson(path, error, reason))}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  const cut = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(cut))
  // Node leaves the socket to us, and a client that resets it must not end the process.
  socket.on('error', () => {})
  socket.resume()
}
