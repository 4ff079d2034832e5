import { randomUUID } from 'node:crypto'
import type { Request, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import type { Caller } from '../auth/caller.ts'

/** The header by which a client's answer is found in the log. */
export const REQUEST_ID = 'X-Request-Id'
/** What proxies and clients number requests with. Anything else could be made to look like a line of the log. */
const GIVEN_ID = /^[A-Za-z0-9._-]{1,64}$/
/** A document's id may be twenty thousand characters long. */
const MAX_PATH_LENGTH = 512

/**
 * Numbers each request, or keeps the number it comes with, and logs its end at debug. The log never holds headers, a
 * query or a body: tokens and people's documents are in there.
 */
export function requestLog(log: Logger): RequestHandler {
  return (request, response, next) => {
    const requestId = givenId(request) ?? randomUUID().slice(-12)
    response.setHeader(REQUEST_ID, requestId)
    if (log.isLevelEnabled('debug')) logEnd(log, requestId, request, response)
    next()
  }
}

/** Tells the request's line in the log which route it took and who asked. */
export function noteRoute(response: Response, route: string): void {
  response.locals.route = route
}

/** Tells the request's line in the log who asked. */
export function noteCaller(response: Response, caller: Caller): void {
  if (caller.kind === 'user') response.locals.user = caller.sub
  if (caller.kind === 'admin') response.locals.admin = caller.name
}

function givenId(request: Request): string | undefined {
  const given = request.get(REQUEST_ID)
  return given !== undefined && GIVEN_ID.test(given) ? given : undefined
}

function logEnd(log: Logger, requestId: string, request: Request, response: Response): void {
  const { method, socket } = request
  const path = request.path.slice(0, MAX_PATH_LENGTH)
  const start = performance.now()
  const bytesBefore = socket.bytesWritten
  response.once('close', () => {
    const { route, user, admin } = response.locals
    const ms = Math.round(performance.now() - start)
    const bytes = socket.bytesWritten - bytesBefore
    const isWhole = response.writableFinished
    const { statusCode: status } = response
    log.debug({ requestId, method, path, route, status, ms, bytes, user, admin, isWhole }, 'request')
  })
}
