import { createError, MISSING_DOC, MISSING_STUB, type PouchError, REV_CONFLICT } from 'pouchdb-errors'
import { CouchError } from '../couch-error.ts'

/** What was thrown, as PouchDB's callers expect it. What is no refusal is a bug and stays as it is. */
export function pouchError(thrown: unknown): unknown {
  return thrown instanceof CouchError ? refusal(thrown) : thrown
}

/** A refusal in PouchDB's form: the errors its clients look for have its own words. */
export function refusal({ word, status, message }: CouchError): PouchError {
  if (word === 'conflict') return createError(REV_CONFLICT)
  if (word === 'not_found') return createError(MISSING_DOC, message)
  if (word === 'missing_stub') return createError(MISSING_STUB, message)
  return createError({ status, name: word, message, error: true })
}
