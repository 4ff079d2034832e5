import { CouchError } from '../../../couch-error.ts'
import { resultCode, SQLITE_FULL, SQLITE_IOERR } from '../result-code.ts'

/** Turns whatever ended a transaction into what the client may read; the cause is for the log. */
export function toCouchError(cause: unknown): CouchError {
  if (cause instanceof CouchError) return cause
  const code = resultCode(cause)
  if (code === SQLITE_FULL) {
    return new CouchError('insufficient_storage', 'The disk is full: nothing was stored.', { cause })
  }
  const reason =
    code === SQLITE_IOERR ? 'The disk failed: nothing was stored.' : 'The write failed: nothing was stored.'
  return new CouchError('internal_server_error', reason, { cause })
}
