import { createSecretKey, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { hasLoneSurrogate } from '../../design-docs/lone-surrogate.ts'
import { isUuid } from '../../design-docs/uuid.ts'
import { BoundedMap } from '../bounded-map.ts'
import { CouchError } from '../couch-error.ts'
import type { Caller } from './caller.ts'

/** How tokens are signed and what they must say. Undefined members are not checked. */
export type TokenRules = {
  readonly secret: string
  readonly algorithm: 'HS256'
  readonly issuer: string | undefined
  readonly audience: string | undefined
}

/** In UTF-8. It becomes a database’s name, twice as long in hex, and CouchDB’s names end at 238 characters. */
const MAX_SUB_BYTES = 100

/** A token as an identity provider would make it, signed with the shared secret. */
export function mintToken(claims: {
  readonly sub: string
  readonly secret: string
  readonly issuer: string | undefined
  readonly audience: string | undefined
  readonly expiresInSeconds: number
}): string {
  return jwt.sign({}, claims.secret, {
    algorithm: 'HS256',
    subject: claims.sub,
    expiresIn: claims.expiresInSeconds,
    ...(claims.issuer ? { issuer: claims.issuer } : {}),
    ...(claims.audience ? { audience: claims.audience } : {}),
  })
}

/** A token that held, and when it does: what else was checked of it cannot change while these rules hold. */
type KnownToken = { readonly caller: Caller; readonly nbf: number; readonly exp: number }

/**
 * Tokens that are not verified again, which takes longer than to read a document. One phone sends the same one a thousand times. They are
 * in memory as they are, which is no secret kept worse: the key that signs them is there too.
 */
const MAX_KNOWN = 10_000
const MAX_KNOWN_CHARS = 2048

const NO_OBJECT = 'The claims of the token are no JSON object.'

/**
 * What the library's messages begin with, and what we say. Whoever sets up the two sides has to know which of them is wrong, and nobody
 * else learns anything: of claims it speaks only after the signature was right, and never with what they are.
 */
const REASONS: readonly (readonly [message: string, reason: string])[] = [
  ['jwt signature is required', 'Token has no signature.'],
  ['invalid algorithm', 'Token is not signed with HS256.'],
  ['invalid signature', 'The signature of the token does not fit this server’s JWT_SECRET.'],
  ['invalid nbf', 'The nbf of the token is no number.'],
  ['jwt not active', 'Token is not valid yet (nbf): compare the clocks of its issuer and of this server.'],
  ['invalid exp', 'The exp of the token is no number.'],
  ['jwt expired', 'Token has expired.'],
  ['jwt audience invalid', 'Token is for another audience (aud), or for none.'],
  ['jwt issuer invalid', 'Token is of another issuer (iss), or of none.'],
]

/** Finds the user a token speaks for. Throws `unauthorized` for a token that does not hold. */
export type TokenCheck = (token: string) => Caller

/**
 * The algorithm is the one that was configured, whatever the token's header says: a token that chooses its own
 * (`none`, or a public key used as a secret) proves nothing. Refusals never repeat any part of the token.
 */
export function createTokenCheck(rules: TokenRules): TokenCheck {
  // Made once: of a secret that is text the library first tries to make a public key, half a millisecond each time.
  const key = createSecretKey(rules.secret, 'utf8')
  const options = {
    algorithms: [rules.algorithm],
    ...(rules.issuer ? { issuer: rules.issuer } : {}),
    ...(rules.audience ? { audience: rules.audience } : {}),
  }
  const known = new BoundedMap<string, KnownToken>(MAX_KNOWN)
  return token => {
    const before = known.get(token)
    if (before !== undefined && isTime(before)) return before.caller
    const { sub, exp, nbf = 0 } = verifiedClaims(token, key, options)
    if (typeof exp !== 'number') throw refusal('Token has no expiry (exp).')
    if (typeof sub !== 'string' || !isUserName(sub)) throw refusal('Token names no user (sub).')
    const caller: Caller = { kind: 'user', sub: canonicalSub(sub), expiresAt: exp * 1000 }
    if (token.length <= MAX_KNOWN_CHARS) known.set(token, { caller, nbf, exp })
    return caller
  }
}

/** Of its time alone a token that held once may hold no more. Any other refusal is the library's to tell. */
function isTime({ nbf, exp }: KnownToken): boolean {
  const seconds = Math.floor(Date.now() / 1000)
  return nbf <= seconds && seconds < exp
}

function verifiedClaims(token: string, key: KeyObject, options: jwt.VerifyOptions): jwt.JwtPayload {
  let verified: jwt.Jwt
  try {
    verified = jwt.verify(token, key, { ...options, complete: true })
  } catch (cause) {
    throw refusal(reasonOf(cause), cause)
  }
  const { header, payload } = verified
  // Extensions that whoever does not know them must refuse (RFC 7515, 4.1.11). We know none; the library does not look.
  if (header.crit !== undefined) throw refusal('Token needs an extension (crit) that is not known here.')
  if (typeof payload === 'string') throw refusal(NO_OBJECT)
  return payload
}

function reasonOf(cause: unknown): string {
  const { message } = cause instanceof Error ? cause : { message: '' }
  return REASONS.find(([begin]) => message.startsWith(begin))?.[1] ?? 'Token is no JWT.'
}

/** Text that UTF-8 can hold: lone surrogates all become one character there, and two users would share a database. */
function isUserName(sub: string): boolean {
  return sub !== '' && !hasLoneSurrogate(sub) && Buffer.byteLength(sub) <= MAX_SUB_BYTES
}

/** A UUID is the same user in either case: in Postgres it is one `user_id`, so it must be one database here. */
function canonicalSub(sub: string): string {
  return isUuid(sub) ? sub.toLowerCase() : sub
}

function refusal(reason: string, cause?: unknown): CouchError {
  return new CouchError('unauthorized', reason, { cause })
}
