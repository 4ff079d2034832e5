import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { Logger } from 'pino'

/** The header by which a client's answer is found in the log. */
export const REQUEST_ID = 'X-Request-Id'

/**
 * Numbers each request and logs its end at debug. The log never holds headers, a query or a body: tokens and
 * people's documents are in there.
 */
export function requestLog(log: Logger): RequestHandler {
  return (request, response, next) => {
    const requestId = randomUUID().slice(-12)
    response.setHeader(REQUEST_ID, requestId)
    if (log.isLevelEnabled('debug')) {
      const { method, path } = request
      const start = performance.now()
      response.once('close', () => {
        const ms = Math.round(performance.now() - start)
        const isWhole = response.writableFinished
        log.debug({ requestId, method, path, status: response.statusCode, ms, isWhole }, 'request')
      })
    }
    next()
  }
}
