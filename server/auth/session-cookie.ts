import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Admin } from './password-check.ts'

/** CouchDB's name for it: its replicator looks for no other. */
const COOKIE_NAME = 'AuthSession'
/** CouchDB's: an admin who does nothing for ten minutes is logged out. */
export const SESSION_SECONDS = 600
/** CouchDB's rule too: a session is renewed once a tenth of its life is over, so not with every answer. */
const RENEWED_BELOW_SECONDS = SESSION_SECONDS * 0.9
/** HKDF's label: nothing else that is ever derived from the server's secret gets the same key. */
const KEY_LABEL = 'divan admin session'
const KEY_BYTES = 32

/** What a cookie that holds says. */
export type ReadCookie = { readonly name: string; readonly isToBeRenewed: boolean }

/** Makes and reads the cookies of admins' sessions. The server keeps nothing: all that a session is, is in its cookie. */
export type SessionCookies = {
  /** The `Set-Cookie` of a session that begins or goes on now. */
  issue(name: string, isSecure: boolean): string
  /** The session that a request's cookies prove. Undefined if there is none that holds. */
  read(headers: IncomingHttpHeaders): ReadCookie | undefined
}

/**
 * `<expiry in hex>:<name>` in base64url, a dot, and its HMAC-SHA256 in base64url. The key is derived from the
 * server's secret and the hash of this admin's password: whoever knows the one without the other can make no cookie,
 * and a changed password ends all sessions.
 */
export function createSessionCookies(
  secret: string,
  admins: readonly Admin[],
  now: () => number = Date.now,
): SessionCookies {
  const keys = new Map(admins.map(({ name, passwordHash }) => [name, sessionKey(secret, passwordHash)]))
  const decoy = sessionKey(secret, '')
  const nowSeconds = () => Math.floor(now() / 1000)
  return {
    issue(name, isSecure) {
      const said = `${(nowSeconds() + SESSION_SECONDS).toString(16)}:${name}`
      const value = `${base64url(said)}.${sign(said, keys.get(name) ?? decoy).toString('base64url')}`
      return setCookie(value, SESSION_SECONDS, isSecure)
    },
    read(headers) {
      const [encoded = '', mac = ''] = cookieValue(headers)?.split('.') ?? []
      const said = Buffer.from(encoded, 'base64url').toString('utf8')
      const [, expiry, name] = /^([0-9a-f]{1,12}):(.+)$/s.exec(said) ?? []
      if (expiry === undefined || name === undefined) return undefined
      const key = keys.get(name)
      const isSigned = isEqual(Buffer.from(mac, 'base64url'), sign(said, key ?? decoy))
      const secondsLeft = Number.parseInt(expiry, 16) - nowSeconds()
      if (key === undefined || !isSigned || secondsLeft <= 0) return undefined
      return { name, isToBeRenewed: secondsLeft < RENEWED_BELOW_SECONDS }
    },
  }
}

/** The `Set-Cookie` that ends a session. */
export function endCookie(isSecure: boolean): string {
  return setCookie('', 0, isSecure)
}

/**
 * `Strict` costs nothing here: pages of this server ask for everything by themselves, and a page that was come to by
 * a link from elsewhere is the same site already when it asks.
 */
function setCookie(value: string, maxAge: number, isSecure: boolean): string {
  const cookie = `${COOKIE_NAME}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict`
  return isSecure ? `${cookie}; Secure` : cookie
}

/** Quotes around a value are allowed, and some clients send them. */
function cookieValue({ cookie = '' }: IncomingHttpHeaders): string | undefined {
  for (const pair of cookie.split(';')) {
    const [name = '', value = ''] = pair.split('=', 2)
    if (name.trim() === COOKIE_NAME) return value.trim().replaceAll('"', '')
  }
  return undefined
}

function sessionKey(secret: string, passwordHash: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, passwordHash, KEY_LABEL, KEY_BYTES))
}

function sign(said: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(said).digest()
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
