import { BoundedMap } from '../bounded-map.ts'
import { CouchError } from '../couch-error.ts'
import { networkOf } from './network-of.ts'

/** How long failures are remembered, from the first of them. CouchDB's own lockout takes as long. */
export const WINDOW_MS = 5 * 60_000
/** A person mistypes a few times; a program that guesses is at its end in a moment. */
export const MAX_FROM_NETWORK = 10
/** From everywhere together. Higher, for it holds up also those who do know the password. */
export const MAX_AT_ACCOUNT = 50
/** Enough for thousands of attackers at once; a few hundred kilobytes when it is full. */
const MAX_TALLIES = 4096
/** Of a hundred thousand users some thousand log in each day, and each is to stay known for a while: a few megabytes when it is full. */
const MAX_PROVEN = 65_536
/** Names that no admin has are kept by their beginning, for who guesses may make them long. */
const MAX_NAME_LENGTH = 64

/** Who tries which account. */
export type Guess = { readonly name: string; readonly address: string }

/** How many failures a window holds. */
export type MaxFailures = {
  readonly fromNetwork: number
  readonly atAccount: number
  /** From one network at one account. Absent: as from the network. */
  readonly fromNetworkAtAccount?: number | undefined
}

/** What a limit is made of; `onFull` is told once when somebody has guessed for the last time. */
export type GuessLimitOptions = {
  readonly adminNames: readonly string[]
  /** Absent: those of admins. */
  readonly max?: MaxFailures | undefined
  /**
   * Whether anybody may have an account. Then a right guess takes back itself, and no other of its network: who has an account of his own
   * would else log in after every ten guesses at another.
   */
  readonly isOpenToAll?: boolean | undefined
  /** What a refusal says. */
  readonly reason?: string | undefined
  onFull?(guess: Guess): void
  clock?(): number
}

/** A guess that is being checked. It counts as a failure until it turns out to be right. */
export type CountedGuess = {
  wasRight(): void
  /** It does not count after all. */
  wasNotChecked(): void
}

/** Slows down those who guess passwords. */
export type GuessLimit = {
  /** Counts a guess before it is checked, so that many at once are not one too many. Throws `too_many_requests`. */
  count(guess: Guess): CountedGuess
}

type Tally = { failures: number; readonly max: number; readonly until: number }
type Tallies = Pick<BoundedMap<string, Tally>, 'get' | 'set' | 'delete'>

/**
 * Failures are counted by network and by account, both for a fixed time, in memory of a fixed size. From networks
 * where an account's password was right before, the account's own count does not hold: nobody can keep an admin out
 * of his server by failing in his name. A name that no admin has is treated like any other, or the limit would tell
 * which names there are.
 */
export function createGuessLimit({
  adminNames,
  max = { fromNetwork: MAX_FROM_NETWORK, atAccount: MAX_AT_ACCOUNT },
  isOpenToAll = false,
  reason = 'Too many wrong passwords: try again later.',
  onFull = () => {},
  clock = () => performance.now(),
}: GuessLimitOptions): GuessLimit {
  const networks = new BoundedMap<string, Tally>(MAX_TALLIES)
  const pairs = new BoundedMap<string, Tally>(MAX_TALLIES)
  const proven = new BoundedMap<string, true>(MAX_PROVEN)
  const accounts = accountTallies(adminNames)

  return {
    count({ name, address }) {
      const network = networkOf(address)
      const pair = `${network} ${name}`
      const now = clock()
      const fromNetwork = tallyOf(networks, network, max.fromNetwork, now)
      const counted = [fromNetwork]
      const { fromNetworkAtAccount: atBoth } = max
      if (atBoth !== undefined) counted.push(tallyOf(pairs, pair, atBoth, now))
      if (proven.get(pair) === undefined) counted.push(tallyOf(accounts, name, max.atAccount, now))
      refuseWhenFull(counted, now, reason)
      for (const tally of counted) tally.failures += 1
      if (counted.some(({ failures, max }) => failures === max)) onFull({ name, address })
      return {
        wasRight() {
          if (isOpenToAll) fromNetwork.failures -= 1
          else networks.delete(network)
          pairs.delete(pair)
          accounts.delete(name)
          proven.set(pair, true)
        },
        wasNotChecked() {
          for (const tally of counted) tally.failures -= 1
        },
      }
    },
  }
}

/** Admins' tallies are never pushed out by made-up names. */
function accountTallies(adminNames: readonly string[]): Tallies {
  const ofAdmins = new Map<string, Tally>()
  const ofOthers = new BoundedMap<string, Tally>(MAX_TALLIES)
  const where = (name: string): [Tallies, string] =>
    adminNames.includes(name) ? [ofAdmins, name] : [ofOthers, name.slice(0, MAX_NAME_LENGTH)]
  return {
    get(name) {
      const [tallies, key] = where(name)
      return tallies.get(key)
    },
    set(name, tally) {
      const [tallies, key] = where(name)
      tallies.set(key, tally)
    },
    delete(name) {
      const [tallies, key] = where(name)
      tallies.delete(key)
    },
  }
}

function tallyOf(tallies: Tallies, key: string, max: number, now: number): Tally {
  const kept = tallies.get(key)
  if (kept !== undefined && kept.until > now) return kept
  const fresh = { failures: 0, max, until: now + WINDOW_MS }
  tallies.set(key, fresh)
  return fresh
}

function refuseWhenFull(tallies: readonly Tally[], now: number, reason: string): void {
  const full = tallies.filter(({ failures, max }) => failures >= max)
  if (full.length === 0) return
  const waitMs = Math.max(...full.map(({ until }) => until - now))
  throw new CouchError('too_many_requests', reason, {
    headers: { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / 1000))) },
  })
}
