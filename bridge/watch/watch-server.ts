import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BridgeError } from '../bridge-error.ts'
import type { Health } from './bridge-health.ts'

/** Where a bridge tells how it is. */
export type WatchAddress = {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Whether another port will do if this one is taken: any number of bridges may run on one machine. */
  readonly orAnother: boolean
}

/** What is told there. */
export type Watched = {
  health(): Health
  /** As Prometheus reads it, and what a `Content-Type` says of it. */
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>
}

/** A running listener for `/health` and `/metrics`. */
export type WatchServer = {
  /** With the real port. */
  readonly url: string
  close(): Promise<void>
}

/** Listens. Throws a `BridgeError` of one line if it cannot. */
export async function startWatchServer(address: WatchAddress, watched: Watched): Promise<WatchServer> {
  const { host } = address
  const server = await listen(address, (request, response) => void answer(watched, request, response))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      if (server.listening) await once(server, 'close')
    },
  }
}

async function listen(
  { host, port, orAnother }: WatchAddress,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer(listener)
  server.listen({ host, port })
  try {
    await once(server, 'listening')
    return server
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (orAnother && code === 'EADDRINUSE') return await listen({ host, port: 0, orAnother: false }, listener)
    throw new BridgeError(
      `the bridge cannot listen on port ${port} of ${host} (${code}): set DIVAN_BRIDGE_PORT, to nothing if nobody asks for its health`,
      { cause },
    )
  }
}

async function answer(watched: Watched, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path] = (request.url ?? '').split('?')
  response.setHeader('Cache-Control', 'no-store')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    sendJson(response.setHeader('Allow', 'GET, HEAD'), 405, { error: 'method_not_allowed' })
  } else if (path === '/health') {
    const { isReady, body } = watched.health()
    sendJson(response, isReady ? 200 : 503, body)
  } else if (path === '/metrics') await sendMetrics(watched, response)
  else sendJson(response, 404, { error: 'not_found', reason: 'There are /health and /metrics.' })
}

async function sendMetrics(watched: Watched, response: ServerResponse): Promise<void> {
  try {
    const { text, contentType } = await watched.metrics()
    response.writeHead(200, { 'Content-Type': contentType }).end(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    sendJson(response, 500, { error: 'internal_server_error', reason })
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}
