import type { IncomingHttpHeaders } from 'node:http'
import { CouchError } from '../couch-error.ts'

/** The media type of a request's body, lower-cased and without its parameters; empty if it names none. */
export function mediaType(headers: IncomingHttpHeaders): string {
  return (headers['content-type'] ?? '').split(';', 1).join('').trim().toLowerCase()
}

/**
 * CouchDB answers a `POST` that does not say it is JSON with 415: it keeps a web page's form, which a browser sends
 * anywhere without asking, from writing.
 */
export function requireJsonContent(headers: IncomingHttpHeaders): void {
  if (mediaType(headers) !== 'application/json') {
    throw new CouchError('bad_content_type', 'Content-Type must be application/json')
  }
}

/** A parameter of a header's value (`boundary` of `multipart/related; boundary="x"`), quoted or not. The first one of that name. */
export function headerParameter(value: string, name: string): string | undefined {
  const first = value.indexOf(';')
  // One piece after the other from where the last one ended: a header that is made to be slow has nothing to begin again from.
  const parameter = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*|;\s*(?=;|$)/y
  parameter.lastIndex = first === -1 ? value.length : first
  for (let found = parameter.exec(value); found !== null; found = parameter.exec(value)) {
    const [, key, quoted, token] = found
    if (key?.toLowerCase() === name) return quoted?.replace(/\\(.)/g, '$1') ?? token
  }
  return undefined
}
