import { CouchError } from '../../../couch-error.ts'

/** SQLite's primary result codes: https://sqlite.org/rescode.html */
const SQLITE_FULL = 13
const SQLITE_IOERR = 10

/** Turns whatever ended a transaction into what the client may read; the cause is for the log. */
export function toCouchError(cause: unknown): CouchError {
  if (cause instanceof CouchError) return cause
  const code = primaryCode(cause)
  if (code === SQLITE_FULL) {
    return new CouchError('insufficient_storage', 'The disk is full: nothing was stored.', { cause })
  }
  const reason =
    code === SQLITE_IOERR ? 'The disk failed: nothing was stored.' : 'The write failed: nothing was stored.'
  return new CouchError('internal_server_error', reason, { cause })
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}
