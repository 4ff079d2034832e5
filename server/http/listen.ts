import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A queue of ids in a query (`_all_docs?keys=…`, `open_revs=…`) is long; Node's default is a quarter of it. */
const MAX_HEADER_BYTES = 64 * 1024
/** Longer than the minute for which proxies keep an idle connection: else they write into one that we just closed. */
const KEEP_ALIVE_MS = 65_000
/** A hundred photos over a slow phone take a while; what sends nothing at all is cut by `UPLOAD_IDLE_MS`. */
const WHOLE_REQUEST_MS = 60 * 60_000
const UPLOAD_IDLE_MS = 120_000
/** A phone that lost its network says no goodbye; a silent feed finds out by TCP's own probes. */
const PROBE_AFTER_MS = 60_000

/** A listening server. */
export type Listening = {
  /** The port it really has. */
  readonly port: number
  /** Accepts no more, gives answers under way this long to end, then destroys what is left. */
  close(graceMs: number): Promise<void>
}

/** Listens. Rejects with Node's own error (`EADDRINUSE`, `EACCES`, …) if it cannot. */
export async function listen(app: RequestListener, host: string, port: number): Promise<Listening> {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: WHOLE_REQUEST_MS,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
    noDelay: true,
  })
  server.on('request', (request, response) => {
    if (hasBody(request)) {
      cutIdleUpload(request)
      response.once('finish', () => readToEnd(request))
    }
    app(request, response)
  })
  server.listen({ host, port })
  await once(server, 'listening')
  const { port: realPort } = server.address() as AddressInfo
  return { port: realPort, close: graceMs => close(server, graceMs) }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0
}

/** While a body is on its way the socket may not be silent for long. A live feed, later, may. */
function cutIdleUpload(request: IncomingMessage): void {
  const { socket } = request
  socket.setTimeout(UPLOAD_IDLE_MS)
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
