import { randomInt } from 'node:crypto'
import { hash, verify } from '@node-rs/bcrypt'
import { hasLoneSurrogate } from '../../design-docs/lone-surrogate.ts'
import { networkOf } from '../auth/network-of.ts'
import { createTurns } from '../auth/turns.ts'

/** 2^12 rounds, a fifth of a second: what the accounts that exist elsewhere were made with. */
export const BCRYPT_COST = 12
export const MIN_PASSWORD_LENGTH = 8
/** Of what comes after them bcrypt knows nothing. */
export const MAX_PASSWORD_BYTES = 72

/**
 * Two at once leave two of the four threads that files, gzip and admins' passwords need. Who waits last is answered before his app gives up
 * after 30 s, and networks have turns, so that whoever brings many holds up himself.
 */
const TURNS = { atOnce: 2, waiting: 128, waitingOfOne: 64 }

const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** A cost up to 15, which takes two seconds: one of 31 would take a day, and hold up all other logins. Then 16 bytes of salt and 23 of the hash: the last character of each has bits that are 0, and without that no password fits. */
const BCRYPT = /^\$2[abxy]\$(?:0[4-9]|1[0-5])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/

/** A password, and where it came from. */
export type GivenPassword = { readonly password: string; readonly address: string }

/** Users' passwords, as bcrypt. Both calls wait for their turn and throw `too_many_requests` when too many wait already. */
export type Passwords = {
  hash(given: GivenPassword): Promise<string>
  /** Whether the hash is this password's. It takes as long where there is no hash, or one that is none. */
  isRight(given: GivenPassword, expected: string | undefined): Promise<boolean>
}

/** Hashes of this cost. Computed on threads of their own: requests go on meanwhile. */
export function createPasswords(cost = BCRYPT_COST): Passwords {
  const takeTurn = createTurns(TURNS)
  const decoy = decoyHash(cost)
  return {
    hash({ password, address }) {
      return takeTurn(() => hash(password, cost), networkOf(address))
    },
    async isRight({ password, address }, expected) {
      const isHash = expected !== undefined && BCRYPT.test(expected)
      const isSame = await takeTurn(() => verify(password, isHash ? expected : decoy), networkOf(address))
      return isSame && isHash && hashProblem(password) === undefined
    },
  }
}

/** Why a password cannot be chosen, as the rest of a sentence. */
export function passwordProblem(password: string): string | undefined {
  if ([...password].length < MIN_PASSWORD_LENGTH) return `needs ${MIN_PASSWORD_LENGTH} characters or more.`
  return hashProblem(password)
}

/**
 * bcrypt looks at 72 bytes and no further, and repeats a short password with a NUL behind it until it has as many, so that `a\0a` would be
 * as good as `a`. What it would not tell apart is refused when it is chosen and wrong when it is tried, never cut.
 */
function hashProblem(password: string): string | undefined {
  if (password.includes('\0')) return 'holds a NUL character.'
  if (hasLoneSurrogate(password)) return 'holds half a character.'
  const bytes = Buffer.byteLength(password)
  if (bytes <= MAX_PASSWORD_BYTES) return undefined
  return `is too long: it takes ${bytes} bytes in UTF-8, and bcrypt keeps ${MAX_PASSWORD_BYTES} at most.`
}

/** A hash that nobody knows a password of, as slow to check as any. */
function decoyHash(cost: number): string {
  const random = (length: number) =>
    Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return `$2b$${String(cost).padStart(2, '0')}$${random(21)}.${random(30)}.`
}
