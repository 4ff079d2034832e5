import { CouchError } from '../couch-error.ts'

/**
 * `N-sig`. CouchDB makes signatures of 32 hex digits and takes others; ours may hold what needs no escape in JSON, in a
 * URL's query or in a list, which covers every maker of revs we know. Old clients wrote some with no signature at all.
 */
const REV = /^[1-9]\d{0,14}-[\w.~+=/-]{0,128}$/
const LOCAL_REV = /^0-\d{1,15}$/

export function isRev(value: unknown): value is string {
  return typeof value === 'string' && REV.test(value)
}

/** @throws CouchError in CouchDB's words. */
export function checkedRev(value: unknown): string {
  if (isRev(value)) return value
  throw new CouchError('bad_request', 'Invalid rev format')
}

/** The rev of a local doc, `0-N`. */
export function checkedLocalRev(value: unknown): string {
  if (typeof value === 'string' && LOCAL_REV.test(value)) return value
  throw new CouchError('bad_request', 'Invalid rev format')
}

/** The number before the dash. */
export function revPos(rev: string): number {
  return Number.parseInt(rev, 10)
}

/** The part after the dash. */
export function revSignature(rev: string): string {
  return rev.slice(rev.indexOf('-') + 1)
}
