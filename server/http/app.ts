import type { RequestListener } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import { crossOrigin } from './cross-origin.ts'
import { dispatch, dispatchError, dispatchUnknown, type Shell } from './dispatch.ts'
import { requestLog } from './request-log.ts'
import { requestMeter } from './request-meter.ts'
import { tableOf } from './route-table.ts'
import { securityHeaders } from './security-headers.ts'
import { trustedProxy } from './trusted-proxy.ts'

/** The Express application: routes in, nothing of what they answer known here. */
export function createApp(shell: Shell): RequestListener {
  const app = express()
  app.disable('x-powered-by')
  // An ETag is a document's rev or an attachment's digest, never a hash of the answer.
  app.set('etag', false)
  app.set('query parser', 'simple')
  app.set('case sensitive routing', true)
  app.set('trust proxy', trustedProxy(shell.trustProxy))

  if (shell.answered !== undefined) app.use(requestMeter(shell.answered))
  app.use(securityHeaders(shell.serverName))
  app.use(requestLog(shell.log))
  app.use(crossOrigin(shell.corsOrigins))
  for (const routes of tableOf(shell.routes)) {
    app.all(routes.path, (request, response) => dispatch(shell, routes, request, response))
  }
  app.use(request => dispatchUnknown(shell, request))
  const onError: ErrorRequestHandler = (thrown, request, response, _next) =>
    dispatchError(shell, thrown, request, response)
  app.use(onError)
  return app
}
