import { CouchError } from '../couch-error.ts'
import type { Answer } from './route.ts'

/** An error as the client reads it, and whether it is a bug of ours that belongs in the log. */
export type ErrorAnswer = { readonly answer: Answer; readonly status: number; readonly isBug: boolean }

/**
 * Below it are the calls that are not CouchDB's. Their clients show `error` of `{"error": "text"}` to the person who waits, and know no words
 * of CouchDB; and no database can have this name.
 */
const API = '/api'

/** True for the paths whose errors are `{"error": "text"}`, and where nothing is a database. */
export function isApiPath(path: string): boolean {
  return path === API || path.startsWith(`${API}/`)
}

/** An error in the words of a path's clients: the one place that decides. */
export function errorJson(path: string, error: string, reason: string): object {
  return isApiPath(path) ? { error: reason } : { error, reason }
}

/** Turns anything thrown into what the client of this path reads: the one place that does. A bug's message is not for clients. */
export function errorAnswer(thrown: unknown, path: string): ErrorAnswer {
  const refusal = refusalOf(thrown)
  const { status, word, message, headers } =
    refusal ?? new CouchError('internal_server_error', 'The server met an error of its own.')
  return {
    status,
    isBug: refusal === undefined,
    answer: { status, headers, json: errorJson(path, word, message) },
  }
}

/** The same answer without its body, for the clients that a body of JSON would stop for good. */
export function withoutBody({ answer, status }: ErrorAnswer): Answer {
  return { status, headers: answer.headers, empty: true }
}

function refusalOf(thrown: unknown): CouchError | undefined {
  if (thrown instanceof CouchError) return thrown
  // Express throws it while it reads the path, before any handler of ours runs.
  if (thrown instanceof URIError) {
    return new CouchError('bad_request', 'The path has a % that begins no character.', { cause: thrown })
  }
  // The call's own signal: its client is gone and will not read this, or the server stops.
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new CouchError('service_unavailable', 'The server is stopping.', { cause: thrown })
  }
  return undefined
}
