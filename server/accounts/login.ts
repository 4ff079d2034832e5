import { hash } from 'node:crypto'
import type { Logger } from 'pino'
import { createGuessLimit } from '../auth/guess-limit.ts'
import { networkOf } from '../auth/network-of.ts'
import { CouchError } from '../couch-error.ts'
import type { Account } from './account.ts'
import type { Accounts } from './accounts.ts'
import type { Passwords } from './passwords.ts'
import type { Credentials } from './sign-up-form.ts'

/** What somebody says who he is, and where he is. */
export type GivenCredentials = Credentials & { readonly address: string }

/**
 * Finds the account whose password this is. Throws `unauthorized`, the same after the same time whether there is no such account or the
 * password is wrong, or `too_many_requests`.
 */
export type Login = (given: GivenCredentials) => Promise<Account>

/**
 * More from a network than admins have: behind one address of a mobile carrier are thousands of phones. At one account a network still
 * has as few as a person needs.
 */
const MAX_FAILURES = { fromNetworkAtAccount: 10, fromNetwork: 50, atAccount: 50 }

/** What a login is made of. */
export type LoginParts = { readonly accounts: Accounts; readonly passwords: Passwords; readonly log: Logger }

/** Logins, with a limit for those who guess. The same coming several times at once, as an app repeats it, is checked once. */
export function createLogin({ accounts, passwords, log }: LoginParts): Login {
  const limit = createGuessLimit({
    adminNames: [],
    max: MAX_FAILURES,
    isOpenToAll: true,
    onFull: ({ address }) =>
      log.warn({ address }, 'too many wrong passwords of users: refused for some minutes'),
  })
  const underWay = new Map<string, Promise<Account | undefined>>()

  async function check(given: GivenCredentials): Promise<Account | undefined> {
    const { email, address } = given
    const counted = limit.count({ name: digestOf(email), address })
    const account = accounts.ofEmail(email)
    const isRight = await passwords.isRight(given, account?.passwordHash).catch(error => {
      counted.wasNotChecked()
      throw error
    })
    if (isRight && account !== undefined) {
      counted.wasRight()
      // Not a reason to keep him out.
      await accounts
        .noteLogin(account, Date.now())
        .catch(err => log.warn({ err, userId: account.userId }, 'a login could not be noted'))
      return account
    }
    log.info({ address, userId: account?.userId }, 'wrong email or password')
    return undefined
  }

  return async given => {
    const { email, password, address } = given
    const key = digestOf(email, password, networkOf(address))
    const before = underWay.get(key)
    const checked = before ?? check(given).finally(() => underWay.delete(key))
    if (before === undefined) underWay.set(key, checked)
    const account = await checked
    if (account !== undefined) return account
    // Each counts, or a hundred at once would be one.
    if (before !== undefined) limit.count({ name: digestOf(email), address })
    throw new CouchError('unauthorized', 'The email or the password is wrong.')
  }
}

/** As short for a long name as for any, and no password. */
function digestOf(...parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64')
}
