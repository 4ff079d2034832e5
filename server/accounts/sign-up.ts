import { randomUUID } from 'node:crypto'
import { userDbName } from '../../design-docs/user-db.ts'
import { createGuessLimit } from '../auth/guess-limit.ts'
import { CouchError } from '../couch-error.ts'
import type { Account } from './account.ts'
import type { Accounts } from './accounts.ts'
import type { Passwords } from './passwords.ts'
import type { SignUp } from './sign-up-form.ts'

/** Makes an account. Throws `bad_request` if the email has one, or `too_many_requests`. */
export type MakeAccount = (wanted: Wanted) => Promise<Account>

/** What somebody wants, and where he is. */
export type Wanted = SignUp & { readonly address: string }

/**
 * Whoever signs up is told whether an email has an account: that cannot be kept from him where nobody waits for a mail. So it cannot be
 * asked for any number of emails, and no network makes any number of accounts.
 */
const MAX_FROM_NETWORK = 200

/** What signing up is made of. */
export type SignUpParts = { readonly accounts: Accounts; readonly passwords: Passwords }

/** Sign-ups. Those of one email wait for each other, so that only one is hashed; the store decides who is first. */
export function createSignUp({ accounts, passwords }: SignUpParts): MakeAccount {
  const limit = createGuessLimit({
    adminNames: [],
    max: { fromNetwork: MAX_FROM_NETWORK, atAccount: Number.POSITIVE_INFINITY },
    reason: 'Too many accounts from here: try again later.',
  })
  const underWay = new Map<string, Promise<unknown>>()

  async function make(wanted: Wanted): Promise<Account> {
    const { email, displayName } = wanted
    const passwordHash = await passwords.hash(wanted)
    const account = await accounts.create(email, accountDoc({ email, displayName, passwordHash }))
    if (account === undefined) throw taken()
    return account
  }

  return async wanted => {
    const counted = limit.count({ name: '', address: wanted.address })
    const { email } = wanted
    for (let before = underWay.get(email); before !== undefined; before = underWay.get(email))
      await before.catch(() => undefined)
    if (accounts.ofEmail(email) !== undefined) throw taken()
    const made = make(wanted).finally(() => underWay.delete(email))
    underWay.set(email, made)
    return made.catch(error => {
      if (!(error instanceof CouchError) || error.status !== 400) counted.wasNotChecked()
      throw error
    })
  }
}

function taken(): CouchError {
  return new CouchError('bad_request', 'This email has an account already.')
}

/** As CouchDB's own documents of `_users` are, and what `design-docs/entities/account.ts` describes. */
function accountDoc(of: {
  readonly email: string
  readonly displayName: string | undefined
  readonly passwordHash: string
}): object {
  const userId = randomUUID()
  return {
    type: 'user',
    name: of.email,
    roles: [],
    ...of,
    userId,
    // For the admin who looks for it; the id alone counts.
    database: userDbName(userId),
    isPremium: false,
    subscriptionStatus: 'free',
    createdAt: Date.now(),
  }
}
