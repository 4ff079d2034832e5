import { isJsonObject, memberOf } from '../../design-docs/json-object.ts'
import { isUuid } from '../../design-docs/uuid.ts'

/** An account as the server needs it. Members of its document that do not fit their description count as absent. */
export type Account = {
  readonly docId: string
  /** A UUID in lower case: the `sub` of the user's tokens. */
  readonly userId: string
  readonly email: string | undefined
  readonly displayName: string | undefined
  readonly passwordHash: string | undefined
  readonly isPremium: boolean
  readonly subscriptionStatus: string
  /** Epoch milliseconds. Undefined: never. `-Infinity` if it is no time. */
  readonly subscriptionExpiresAt: number | undefined
  readonly lastLoginAt: number | undefined
}

/** What the document of an account says. Undefined if it names no user. */
export function readAccount(docId: string, body: string): Account | undefined {
  const doc: unknown = JSON.parse(body)
  if (!isJsonObject(doc)) return undefined
  const text = (name: string) => {
    const value = memberOf(doc, name)
    return typeof value === 'string' ? value : undefined
  }
  const time = (name: string) => {
    const value = memberOf(doc, name)
    return typeof value === 'number' ? value : undefined
  }
  const expiry = memberOf(doc, 'subscriptionExpiresAt') ?? undefined
  const userId = text('userId')
  if (userId === undefined || !isUuid(userId)) return undefined
  return {
    docId,
    userId: userId.toLowerCase(),
    email: text('email'),
    displayName: text('displayName'),
    passwordHash: text('passwordHash'),
    isPremium: memberOf(doc, 'isPremium') === true,
    subscriptionStatus: text('subscriptionStatus') ?? 'free',
    // What is there and no time was meant as an end: as `2025-01-01` it would never come.
    subscriptionExpiresAt:
      expiry === undefined || typeof expiry === 'number' ? expiry : Number.NEGATIVE_INFINITY,
    lastLoginAt: time('lastLoginAt'),
  }
}

/** Whether the user is premium at this moment: a subscription that has ended makes nobody so. Without an account nobody is. */
export function isPremiumAt(account: Account | undefined, now: number): boolean {
  if (account === undefined || !account.isPremium) return false
  return account.subscriptionExpiresAt === undefined || account.subscriptionExpiresAt > now
}
