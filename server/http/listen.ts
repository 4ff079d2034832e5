import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerHalfClosed } from './half-closed.ts'
import { refuseMalformed, SLOW } from './malformed-request.ts'
import { oneByOne } from './one-by-one.ts'
import { pendingAnswers } from './pending-answers.ts'

/** A queue of ids in a query (`_all_docs?keys=…`, `open_revs=…`) is long; Node's default is a quarter of it. */
const MAX_HEADER_BYTES = 64 * 1024
/** A phone that lost its network says no goodbye; a silent feed finds out by TCP's own probes. */
const PROBE_AFTER_MS = 60_000

/** How long a client may take for what. */
export type TimeLimits = {
  /** From the first byte of a request, or from connecting, to the end of its headers. Load balancers connect a minute in advance. */
  readonly headersMs: number
  /** For the whole of a request: a hundred photos over a slow phone take a while. */
  readonly requestMs: number
  /** Without a byte, while a body is on its way. */
  readonly bodyIdleMs: number
  /**
   * Between two requests. Longer than proxies keep a connection for themselves (nginx and AWS one minute, Traefik one and a half, Caddy
   * two, Google ten): else they write the next request into one that we just closed, and tell the client 502.
   */
  readonly keepAliveMs: number
  /** How often the first two are looked at. */
  readonly checkMs: number
}

export const TIME_LIMITS: TimeLimits = {
  headersMs: 120_000,
  requestMs: 60 * 60_000,
  bodyIdleMs: 120_000,
  keepAliveMs: 620_000,
  checkMs: 30_000,
}

/** A listening server. */
export type Listening = {
  /** The port it really has. */
  readonly port: number
  /** Accepts no more, gives answers under way this long to end, then destroys what is left. */
  close(graceMs: number): Promise<void>
}

/** Listens. Rejects with Node's own error (`EADDRINUSE`, `EACCES`, …) if it cannot. */
export async function listen(
  app: RequestListener,
  host: string,
  port: number,
  limits = TIME_LIMITS,
): Promise<Listening> {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
    noDelay: true,
  })
  const pending = pendingAnswers(server)
  const refuse = refuseMalformed(server, pending)
  answerHalfClosed(server, pending)
  const answer = oneByOne(pending, (request, response) => {
    if (hasBody(request)) {
      const cut = () => {
        if (response.writableFinished) request.socket.destroy()
        else refuse(request.socket, { ...SLOW, url: request.url })
      }
      // By then the parser has gone through all that came with the headers: mostly the whole body.
      process.nextTick(() => {
        if (isHere(request)) return
        cutIdleUpload(request, limits.bodyIdleMs, cut)
        response.once('finish', () => readToEnd(request))
      })
    }
    app(request, response)
  })
  server.on('request', answer)
  server.listen({ host, port })
  await once(server, 'listening')
  const { port: realPort } = server.address() as AddressInfo
  return { port: realPort, close: graceMs => close(server, graceMs) }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0
}

/** True for a body that has come to its end and is so short that it keeps nothing behind it from being read. */
function isHere({ complete, readableLength, readableHighWaterMark }: IncomingMessage): boolean {
  return complete && readableLength < readableHighWaterMark
}

/** While a body is on its way the socket may not be silent for long. A live feed, later, may. */
function cutIdleUpload(request: IncomingMessage, idleMs: number, cut: () => void): void {
  const { socket } = request
  socket.setTimeout(idleMs)
  request.once('timeout', cut)
  request.once('end', () => socket.setTimeout(0))
}

/**
 * A body that was answered before it was read to its end (a 413) still stands before the connection's next request.
 * Node reads away one that nobody touched; one that was read in part it leaves there, and the client waits for ever.
 */
function readToEnd(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return
  request.removeAllListeners('readable')
  request.resume()
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  // A connection whose answer just ended is idle only now: Node closes those that were idle at `close()`.
  const sweep = setInterval(() => server.closeIdleConnections(), 20)
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearInterval(sweep)
  clearTimeout(cut)
}
