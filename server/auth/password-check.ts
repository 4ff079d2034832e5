import type { Logger } from 'pino'
import { BoundedMap } from '../bounded-map.ts'
import { CouchError } from '../couch-error.ts'
import { createGuessLimit, type Guess } from './guess-limit.ts'
import { createKeyedDigest } from './keyed-digest.ts'
import { networkOf } from './network-of.ts'
import { decoyHash, verifyPassword } from './password.ts'
import { createTurns } from './turns.ts'

/** A server admin and the hash of his password. */
export type Admin = { readonly name: string; readonly passwordHash: string }

/** What somebody says who he is, and where he is. */
export type GivenPassword = { readonly name: string; readonly password: string; readonly address: string }

/**
 * Finds the admin whose password this is, for basic authentication and for logging in. Throws `unauthorized`, the
 * same after the same time whether the name or the password is wrong, or `too_many_requests`.
 */
export type PasswordCheck = (given: GivenPassword) => Promise<Admin>

/** Right credentials that are remembered. There are few admins; each program of theirs sends one. */
const MAX_RIGHT = 256
/** Wrong ones. */
const MAX_WRONG = 1024
/** A hash takes 32 MiB and, for a tenth of a second, one of the four threads that files and gzip need too. */
const HASHES = { atOnce: 2, waiting: 16 }

/**
 * A password is slow to check by design, and the bridge sends its own with every request, so what was checked is
 * remembered: by a hash with a key that only this process knows, never as it is.
 *
 * - A right one is found at once, and no limit holds it up: who guesses cannot stop programs that work.
 * - A wrong one that comes again from the same network is no new guess. It is refused at once and not counted, so a
 *   program with an old password, trying for ever, keeps nobody else on its machine from logging in. By network,
 *   because it would tell others what somebody mistyped.
 * - The same one coming many times at once is checked once.
 */
export function createPasswordCheck(admins: readonly Admin[], log?: Logger): PasswordCheck {
  const keyed = createKeyedDigest()
  const digestOf = (...parts: readonly string[]) => keyed(JSON.stringify(parts))
  const right = new BoundedMap<string, Admin>(MAX_RIGHT)
  const wrong = new BoundedMap<string, true>(MAX_WRONG)
  const checks = new Map<string, Promise<Admin>>()
  const check = createGuessCheck(admins, log)

  async function checkNew(given: GivenPassword, digest: string, guess: string): Promise<Admin> {
    const admin = await check(given)
    if (admin !== undefined) {
      right.set(digest, admin)
      return admin
    }
    wrong.set(guess, true)
    log?.info(loggable(admins, given), 'wrong name or password')
    throw wrongPassword()
  }

  return async given => {
    const digest = digestOf(given.name, given.password)
    const admin = right.get(digest)
    if (admin !== undefined) return admin
    const guess = digestOf(given.name, given.password, networkOf(given.address))
    if (wrong.get(guess) !== undefined) throw wrongPassword()
    const underWay = checks.get(guess)
    if (underWay !== undefined) return underWay
    const started = checkNew(given, digest, guess).finally(() => checks.delete(guess))
    checks.set(guess, started)
    return started
  }
}

/** The refusal of a wrong name or password, in CouchDB's words. */
function wrongPassword(): CouchError {
  return new CouchError('unauthorized', 'Name or password is incorrect.')
}

/** One guess: counted, then hashed when it is its turn. For a name that no admin has, a hash nobody knows is used. */
function createGuessCheck(
  admins: readonly Admin[],
  log: Logger | undefined,
): (given: GivenPassword) => Promise<Admin | undefined> {
  const limit = createGuessLimit({
    adminNames: admins.map(({ name }) => name),
    onFull: guess => log?.warn(loggable(admins, guess), 'too many wrong passwords: refused for some minutes'),
  })
  const takeTurn = createTurns(HASHES)
  const decoy = decoyHash(admins[0]?.passwordHash)
  return async given => {
    const admin = admins.find(({ name }) => name === given.name)
    const counted = limit.count(given)
    const isRight = await takeTurn(() => verifyPassword(given.password, admin?.passwordHash ?? decoy)).catch(
      error => {
        counted.wasNotChecked()
        throw error
      },
    )
    if (!isRight || admin === undefined) return undefined
    counted.wasRight()
    return admin
  }
}

/** A name that no admin has is not written down: people type their password there. */
function loggable(admins: readonly Admin[], { name, address }: Guess): object {
  return { admin: admins.some(admin => admin.name === name) ? name : undefined, address }
}
