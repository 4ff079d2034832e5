import type { IncomingMessage, RequestListener } from 'node:http'
import express, { type ErrorRequestHandler, type Request } from 'express'
import { crossOriginHeaders, preflight } from './cross-origin.ts'
import { dispatch, dispatchError, dispatchUnknown, type Shell } from './dispatch.ts'
import { Exchange, type ExchangeParts, REQUEST_ID, type Whereabouts } from './exchange.ts'
import { type Found, pathTable } from './path-table.ts'
import { logsEnds } from './request-log.ts'
import { metersEnds } from './request-meter.ts'
import { type PathRoutes, tableOf } from './route-table.ts'
import { securityHeaders } from './security-headers.ts'
import { trustedProxy } from './trusted-proxy.ts'

/**
 * What answers requests: routes in, nothing of what they answer known here. Plain paths are found in a table; whatever is left, preflights and
 * paths that want a second look, is Express's. Both lead to the same `dispatch`, which asks who it is and what he may.
 */
export function createApp(shell: Shell): RequestListener {
  const table = tableOf(shell.routes)
  const find = pathTable(table)
  const app = expressApp(shell, table)
  const parts = exchangeParts(shell, app)
  return (request, response) => {
    const exchange = new Exchange(parts, request, response)
    const found = request.method === 'OPTIONS' ? undefined : find(request.url ?? '')
    if (found === undefined) viaExpress(app, exchange)
    else void answer(shell, found, exchange)
  }
}

async function answer(shell: Shell, found: Found, exchange: Exchange): Promise<void> {
  try {
    await dispatch(shell, found, exchange)
  } catch (thrown) {
    await dispatchError(shell, thrown, exchange).catch(() => exchange.response.destroy())
  }
}

type App = ReturnType<typeof express>

/** The exchanges that Express has on its way through it. */
const exchanges = new WeakMap<IncomingMessage, Exchange>()

function viaExpress(app: App, exchange: Exchange): void {
  exchanges.set(exchange.request, exchange)
  app(exchange.request, exchange.response)
}

function exchangeOf(request: IncomingMessage): Exchange {
  const exchange = exchanges.get(request)
  if (exchange === undefined) throw new Error('a request that no exchange was made for')
  return exchange
}

function expressApp(shell: Shell, table: readonly PathRoutes[]): App {
  const app = express()
  app.disable('x-powered-by')
  // An ETag is a document's rev or an attachment's digest, never a hash of the answer.
  app.set('etag', false)
  app.set('query parser', 'simple')
  app.set('case sensitive routing', true)
  app.set('trust proxy', trustedProxy(shell.trustProxy))

  const answerPreflight = preflight(shell.corsOrigins)
  app.use((request, response, next) => {
    const exchange = exchangeOf(request)
    // Of a whole URL it is a part.
    exchange.path = request.path
    if (request.method !== 'OPTIONS') return next()
    response.setHeader(REQUEST_ID, exchange.requestId)
    for (const [name, value] of Object.entries(exchange.commonHead.values)) response.setHeader(name, value)
    answerPreflight(request, response, next)
  })
  for (const routes of table) {
    app.all(routes.path, request =>
      dispatch(shell, { routes, params: joinedParams(request.params) }, exchangeOf(request)),
    )
  }
  app.use(request => dispatchUnknown(shell, exchangeOf(request)))
  const onError: ErrorRequestHandler = (thrown, request, _response, _next) =>
    dispatchError(shell, thrown, exchangeOf(request))
  app.use(onError)
  return app
}

/** A wildcard's segments become one name again: `a/b`. */
function joinedParams(params: Request['params']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join('/') : value]),
  )
}

function exchangeParts(shell: Shell, app: App): ExchangeParts {
  const meter = metersEnds(shell.answered)
  const log = logsEnds(shell.log)
  return {
    calls: shell.calls,
    countsBytes: shell.log.isLevelEnabled('debug'),
    whereabouts: shell.trustProxy ? behindProxies(app) : AS_CONNECTED,
    headersFor: crossOriginHeaders(shell.corsOrigins, securityHeaders(shell.serverName)),
    ended(exchange) {
      meter(exchange)
      log(exchange)
    },
  }
}

/** Where nobody is believed about others. */
const AS_CONNECTED: Whereabouts = {
  origin: ({ headers }) => `http://${headers.host ?? ''}`,
  address: ({ socket }) => socket.remoteAddress ?? '',
}

/** What proxies say, as Express reads it. */
function behindProxies(app: App): Whereabouts {
  const read = (request: IncomingMessage): Request => Object.setPrototypeOf(request, app.request)
  return {
    origin(request) {
      const { protocol, host } = read(request)
      return `${protocol}://${host ?? ''}`
    },
    address: request => read(request).ip ?? '',
  }
}
