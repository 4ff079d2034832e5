import type { IncomingHttpHeaders } from 'node:http'
import { triesBasic } from '../auth/authenticate.ts'
import { namesJson } from '../http/accept.ts'

/**
 * Which errors reach a client without a body, because a body of JSON stops it for good where an empty one is
 * retried:
 * - RxDB's live pull takes any JSON from `_changes` for an answer, misses `results` in it and dies. It is known by
 *   its `Accept`, which does not name JSON; PouchDB's does.
 * - PouchDB ends a live replication on a JSON 401, and a token that ran out is renewed a moment later. So a phone's
 *   401 under a user database is empty. Whoever tries a password is a person or a tool, and is told.
 */
export function isBodilessError(status: number, path: string, headers: IncomingHttpHeaders): boolean {
  if (/\/_changes\/?$/.test(path) && !namesJson(headers)) return true
  return status === 401 && isUnderUserDatabase(path) && !triesBasic(headers)
}

function isUnderUserDatabase(path: string): boolean {
  const [, first = ''] = path.split('/', 2)
  return /^(me$|me-|userdb-)/.test(decoded(first))
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
