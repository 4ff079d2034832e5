import cors from 'cors'
import type { RequestHandler } from 'express'
import { type CommonHead, commonHead, type Head } from './head.ts'

const DAY_SECONDS = 86_400

const EXPOSED = [
  'Accept-Ranges',
  'Content-Encoding',
  'Content-Length',
  'Content-Range',
  'ETag',
  'Location',
  'Retry-After',
  'Server',
  'X-Request-Id',
]

/**
 * Lets web pages of these origins call us. Never with the browser's own credentials: a page must bring a token
 * itself, so `*` gives no page anything that its token does not. A preflight is answered here, without a token.
 */
export function preflight(origins: readonly string[]): RequestHandler {
  return cors({
    origin: isForAll(origins) ? '*' : [...origins],
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
    maxAge: DAY_SECONDS,
    optionsSuccessStatus: 204,
  })
}

/** What an answer says to the page that asked, beside `common`. */
export function crossOriginHeaders(
  origins: readonly string[],
  common: Head,
): (origin: string | undefined) => CommonHead {
  const exposed = { 'Access-Control-Expose-Headers': EXPOSED.join(',') }
  if (isForAll(origins)) {
    const all = commonHead({ ...common, 'Access-Control-Allow-Origin': '*', ...exposed })
    return () => all
  }
  const allowed = { ...common, Vary: 'Origin', ...exposed }
  const others = commonHead(allowed)
  const known = new Map(
    origins.map(origin => [origin, commonHead({ ...allowed, 'Access-Control-Allow-Origin': origin })]),
  )
  return origin => (origin === undefined ? others : (known.get(origin) ?? others))
}

function isForAll(origins: readonly string[]): boolean {
  return origins.includes('*')
}
