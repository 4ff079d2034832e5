import assert from 'node:assert'
import { hasLoneSurrogate } from './lone-surrogate.ts'
import { isUuid, uuidV5 } from './uuid.ts'

const PREFIX = 'userdb-'
const METRICS_SUFFIX = '-metrics'

/**
 * The namespace of user ids made from names that are no UUIDs. Every row id of such users follows from it:
 * it never changes.
 */
const USER_NAMESPACE = '6b2f0d7e-5a0c-4f7e-9d43-0f1c8f2b7a51'

/** Who a user database belongs to, by the `sub` of his tokens, and which of his databases it is. */
export interface UserDb {
  readonly sub: string
  readonly kind: 'main' | 'metrics'
}

/** The name of a user's database: lower-case hex of his `sub` in UTF-8, as CouchDB's couch_peruser has it. */
export function userDbName(sub: string): string {
  assert(sub !== '' && !hasLoneSurrogate(sub), 'a sub is text that UTF-8 can hold')
  return PREFIX + Buffer.from(sub, 'utf8').toString('hex')
}

/** The name of the database that holds a user's metric samples. */
export function metricsDbName(sub: string): string {
  return userDbName(sub) + METRICS_SUFFIX
}

/**
 * Whose database this is; undefined for a name that no user's database has. A UUID in capitals is nobody's `sub`: tokens
 * have it in lower case, and two databases of one user would delete each other's rows.
 */
export function userOfDb(name: string): UserDb | undefined {
  const kind = name.endsWith(METRICS_SUFFIX) ? 'metrics' : 'main'
  const hex = name.slice(PREFIX.length, kind === 'metrics' ? -METRICS_SUFFIX.length : undefined)
  const sub = Buffer.from(hex, 'hex').toString('utf8')
  if (sub === '' || name !== (kind === 'metrics' ? metricsDbName(sub) : userDbName(sub))) return undefined
  if (isUuid(sub) && sub !== sub.toLowerCase()) return undefined
  return { sub, kind }
}

/** The user's id in Postgres: his `sub` where that is a UUID, else a UUID made from it. */
export function userUuid(sub: string): string {
  return isUuid(sub) ? sub.toLowerCase() : uuidV5(USER_NAMESPACE, sub)
}
