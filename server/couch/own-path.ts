import { CouchError } from '../couch-error.ts'

/** Any server: only the path is looked at. */
const SOME_SERVER = 'http://server.invalid'

/**
 * Where a browser is sent after it logged in or out: a path of this server, as browsers read it, or 400. They take
 * `//host`, `/\host` and both with a tab or a newline in between for another server, and take `..` and `.` out before
 * they look: a login that sends people on to anybody's page is a trap for them.
 */
export function ownPath(next: string | undefined): string | undefined {
  if (next === undefined) return undefined
  const isPath = next.startsWith('/') && !/[\\\p{Cc}]/u.test(next) && URL.canParse(next, SOME_SERVER)
  const url = isPath ? new URL(next, SOME_SERVER) : undefined
  if (url === undefined || url.origin !== SOME_SERVER || url.pathname.startsWith('//')) {
    throw new CouchError(
      'query_parse_error',
      'Invalid value for parameter "next": it must be a path of this server, such as /_utils/',
    )
  }
  return `${url.pathname}${url.search}${url.hash}`
}
