import { createHmac, randomBytes } from 'node:crypto'
import { CouchError } from '../couch-error.ts'
import type { Caller } from './caller.ts'
import { hashPassword, verifyPassword } from './password.ts'

/** A server admin and the hash of his password. */
export type Admin = { readonly name: string; readonly passwordHash: string }

/** How many right headers are remembered. There are few admins; each program of theirs sends one. */
const MAX_REMEMBERED = 256
/** Checks that may be under way: each takes 32 MiB and one of Node's four threads for a tenth of a second. */
const MAX_CHECKS = 8

/** Checks `name:password` as it stands in a basic header. */
export type BasicCheck = (encoded: string) => Promise<Caller>

/**
 * Basic authentication of server admins. A password is slow to check by design, and the bridge sends it with every
 * request, so a right one is remembered: by a hash with a key that only this process knows, never as it is. A wrong
 * one never is. The same header coming many times at once is checked once.
 */
export function createBasicCheck(admins: readonly Admin[]): BasicCheck {
  const key = randomBytes(32)
  const remembered = new Map<string, Caller>()
  const checks = new Map<string, Promise<Caller>>()
  const check = passwordCheck(admins)

  return async encoded => {
    const digest = createHmac('sha256', key).update(encoded).digest('base64')
    const known = remembered.get(digest)
    if (known !== undefined) return known
    const underWay = checks.get(digest)
    if (underWay !== undefined) return underWay
    if (checks.size >= MAX_CHECKS) throw tooMany()
    const started = check(encoded).finally(() => checks.delete(digest))
    checks.set(digest, started)
    const caller = await started
    remember(remembered, digest, caller)
    return caller
  }
}

function passwordCheck(admins: readonly Admin[]): BasicCheck {
  // Checked for names that do not exist, so that the time of an answer does not tell which do.
  let nobody: Promise<string> | undefined
  return async encoded => {
    const [name, password] = splitCredentials(encoded)
    const admin = admins.find(admin => admin.name === name)
    if (admin === undefined) nobody ??= hashPassword(randomBytes(16).toString('hex'))
    const hash = admin?.passwordHash ?? (await nobody) ?? ''
    const isRight = await verifyPassword(password, hash)
    if (admin === undefined || !isRight) throw basicRefusal('Name or password is incorrect.')
    return { kind: 'admin', name: admin.name }
  }
}

/** The password may hold colons, the name may not. */
function splitCredentials(encoded: string): [name: string, password: string] {
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) throw basicRefusal('Basic credentials are base64 of name:password.')
  return [text.slice(0, colon), text.slice(colon + 1)]
}

function remember(remembered: Map<string, Caller>, digest: string, caller: Caller): void {
  const [oldest] = remembered.keys()
  if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest)
  remembered.set(digest, caller)
}

function basicRefusal(reason: string): CouchError {
  return new CouchError('unauthorized', reason, { headers: { 'WWW-Authenticate': 'Basic realm="Divan"' } })
}

function tooMany(): CouchError {
  return new CouchError('too_many_requests', 'Too many passwords are being checked.', {
    headers: { 'Retry-After': '1' },
  })
}
