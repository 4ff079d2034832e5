import type { IncomingHttpHeaders } from 'node:http'
import { CouchError } from '../couch-error.ts'
import { type Admin, createBasicCheck } from './basic.ts'
import type { Caller } from './caller.ts'
import { createTokenCheck, type TokenRules } from './token.ts'

/** Finds out who is asking. Credentials that do not hold are an error, never `anonymous`. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Caller>

/** Users come with a bearer token, server admins with name and password. */
export function createAuthenticate(rules: TokenRules, admins: readonly Admin[]): Authenticate {
  const checkToken = createTokenCheck(rules)
  const checkBasic = createBasicCheck(admins)
  return async headers => {
    const { authorization } = headers
    if (authorization === undefined) return { kind: 'anonymous' }
    const { scheme, credentials } = splitHeader(authorization)
    if (scheme === 'bearer') return checkToken(credentials)
    if (scheme === 'basic') return checkBasic(credentials)
    throw new CouchError('unauthorized', 'Send a bearer token, or an admin’s name and password.')
  }
}

/** True if a request comes with a name and a password, right or wrong: an admin's tool, not a phone. */
export function triesBasic(headers: IncomingHttpHeaders): boolean {
  return splitHeader(headers.authorization ?? '').scheme === 'basic'
}

function splitHeader(authorization: string): { readonly scheme: string; readonly credentials: string } {
  const [, scheme = '', credentials = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(authorization) ?? []
  return { scheme: scheme.toLowerCase(), credentials }
}
