import { CouchError } from '../../couch-error.ts'
import { parseRev } from '../../store/rev-tree/rev.ts'

/**
 * What a client may bring is narrower than the store's `N-sig`. CouchDB makes signatures of 32 hex digits and takes others; ours may
 * hold what needs no escape in JSON, in a URL's query or in a list, which covers every maker of revs we know. Old clients wrote some
 * with no signature at all.
 */
const SIG = /^[\w.~+=/-]{0,128}$/
/** Far from where counting on would lose a number. */
const MAX_POS = 10 ** 15 - 1
/** A digit less for a revision that a client brings: with the same limit nobody could build on the last one it lets in. */
const MAX_BROUGHT_POS = 10 ** 14 - 1
const LOCAL_REV = /^0-\d{1,15}$/

/** True for the text of a rev that clients may use. */
export function isRev(value: unknown): value is string {
  const rev = typeof value === 'string' ? parseRev(value) : undefined
  return rev !== undefined && isRevPos(rev.pos) && isRevSig(rev.sig)
}

/** True for what may stand before the dash. */
export function isRevPos(pos: unknown): pos is number {
  return typeof pos === 'number' && Number.isInteger(pos) && pos >= 1 && pos <= MAX_POS
}

/** True for what may stand before the dash in a revision made elsewhere, which is to be stored here. */
export function isBroughtRevPos(pos: number): boolean {
  return pos <= MAX_BROUGHT_POS
}

/** True for what may stand after it. */
export function isRevSig(sig: unknown): sig is string {
  return typeof sig === 'string' && SIG.test(sig)
}

/** @throws CouchError in CouchDB's words, and with the name of what holds it. */
export function checkedRev(value: unknown, name: string): string {
  if (isRev(value)) return value
  throw new CouchError('bad_request', `Invalid rev format: \`${name}\``)
}

/** The rev of a local doc, `0-N`. */
export function checkedLocalRev(value: unknown, name: string): string {
  if (typeof value === 'string' && LOCAL_REV.test(value)) return value
  throw new CouchError('bad_request', `Invalid rev format: \`${name}\``)
}
