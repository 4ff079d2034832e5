import cors from 'cors'
import type { RequestHandler } from 'express'

const DAY_SECONDS = 86_400

/**
 * Lets web pages of these origins call us. Never with the browser's own credentials: a page must bring a token
 * itself, so `*` gives no page anything that its token does not. A preflight is answered here, without a token.
 */
export function crossOrigin(origins: readonly string[]): RequestHandler {
  return cors({
    origin: origins.includes('*') ? '*' : [...origins],
    credentials: false,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: [
      'Accept',
      'Authorization',
      'Content-Encoding',
      'Content-Type',
      'If-Match',
      'If-None-Match',
      'Last-Event-ID',
      'Origin',
      'Range',
      'X-Couch-Full-Commit',
      'X-Request-Id',
      'X-Requested-With',
    ],
    exposedHeaders: [
      'Accept-Ranges',
      'Content-Encoding',
      'Content-Length',
      'Content-Range',
      'ETag',
      'Location',
      'Retry-After',
      'Server',
      'X-Request-Id',
    ],
    maxAge: DAY_SECONDS,
    optionsSuccessStatus: 204,
  })
}
