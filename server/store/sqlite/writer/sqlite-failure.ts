import { CouchError } from '../../../couch-error.ts'
import { resultCode, SQLITE_FULL, SQLITE_IOERR } from '../result-code.ts'

/** Turns whatever ended a transaction into what the client may read; the cause is for the log. */
export function toCouchError(cause: unknown, isPartStored = false): CouchError {
  if (cause instanceof CouchError) return cause
  const stored = isPartStored ? 'only a part was stored' : 'nothing was stored'
  const code = resultCode(cause)
  if (code === SQLITE_FULL) {
    return new CouchError('insufficient_storage', `The disk is full: ${stored}.`, { cause })
  }
  const what = code === SQLITE_IOERR ? 'The disk failed' : 'The write failed'
  return new CouchError('internal_server_error', `${what}: ${stored}.`, { cause })
}
