import type { IncomingHttpHeaders } from 'node:http'
import { CouchError } from '../couch-error.ts'
import type { Asker } from './asker.ts'
import { createBasicCheck } from './basic.ts'
import type { Caller } from './caller.ts'
import type { PasswordCheck } from './password-check.ts'
import type { Sessions } from './sessions.ts'
import { createTokenCheck, type TokenRules } from './token.ts'

/** Finds out who is asking; a promise only where a password has to be checked. Throws for an `Authorization` that does not hold. */
export type Authenticate = (asker: Asker) => Caller | Promise<Caller>

/** What credentials are checked with. */
export type Doors = {
  readonly tokens: TokenRules
  readonly checkPassword: PasswordCheck
  readonly sessions: Sessions
}

/**
 * Users come with a bearer token, server admins with name and password or with the cookie of a session.
 *
 * `Authorization` is what somebody says on purpose: if there is one it decides alone, and one that does not hold is
 * an error, never `anonymous`. A cookie comes by itself, so one that does not hold (any more) is as good as none, as
 * in CouchDB: what is open to all stays open to a browser with an old cookie, above all the way to log in again; the
 * access table answers the rest with 401, at which CouchDB's replicator logs in again. Where CouchDB answers a cookie
 * it cannot read with 400 we do not: browsers share cookies between the ports of a machine, and a CouchDB at another
 * port would lock its users out here.
 */
export function createAuthenticate({ tokens, checkPassword, sessions }: Doors): Authenticate {
  const checkToken = createTokenCheck(tokens)
  const checkBasic = createBasicCheck(checkPassword)
  return asker => {
    const { authorization } = asker.headers
    if (authorization === undefined) return sessions.callerOf(asker) ?? { kind: 'anonymous' }
    const { scheme, credentials } = splitHeader(authorization)
    if (scheme === 'bearer') return checkToken(credentials)
    if (scheme === 'basic') return checkBasic(credentials, asker)
    throw new CouchError('unauthorized', 'Send a bearer token, or an admin’s name and password.')
  }
}

/** Finds out who is asking where nobody is refused. */
export type Recognize = (asker: Pick<Asker, 'headers'>) => Caller

/** The bearer of a valid token, else nobody. Passwords cost too much to be tried for everyone, and cookies are not asked for. */
export function createRecognize(tokens: TokenRules): Recognize {
  const checkToken = createTokenCheck(tokens)
  return ({ headers }) => {
    const { scheme, credentials } = splitHeader(headers.authorization ?? '')
    if (scheme !== 'bearer') return { kind: 'anonymous' }
    try {
      return checkToken(credentials)
    } catch (error) {
      if (error instanceof CouchError) return { kind: 'anonymous' }
      throw error
    }
  }
}

/** True if a request comes with a name and a password, right or wrong: an admin's tool, not a phone. */
export function triesBasic(headers: IncomingHttpHeaders): boolean {
  return splitHeader(headers.authorization ?? '').scheme === 'basic'
}

/** Cut at spaces, not matched by an expression that tries each of sixty thousand of them: that took seconds. */
function splitHeader(authorization: string): { readonly scheme: string; readonly credentials: string } {
  const given = authorization.trim()
  const end = given.search(/\s/)
  if (end === -1) return { scheme: given.toLowerCase(), credentials: '' }
  return { scheme: given.slice(0, end).toLowerCase(), credentials: given.slice(end).trimStart() }
}
