import type { Place } from './store.ts'

const SEQUENCE = /^(\d{1,15})-([0-9a-z]+)$/
const TIME = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const MINUTE_MS = 60_000

/**
 * A sequence number alone does not say which history it counts: a data folder copied back in time issues the same
 * numbers again for other changes. So a sequence on the wire is `<n>-<epoch>`. An epoch is a random word that a
 * database takes when it is made and at its first commit after each start of the process; the list of its epochs, each
 * with the first number it issued, tells which part of another history is also ours.
 */
export type Epoch = { readonly first: number; readonly epoch: string }

/** A database's epochs, oldest first, and its last number. */
export type Incarnations = { readonly epochs: readonly Epoch[]; readonly updateSeq: number }

/** The wire form of a number: it names the epoch that issued it. */
export function formatSequence(n: number, epochs: readonly Epoch[]): string {
  return `${n}-${issuerOf(n, epochs).epoch}`
}

/** An epoch with the numbers it issued; so far, if it is the last one. */
export type Issuer = { readonly epoch: string; readonly first: number; readonly last: number }

export function issuerOf(n: number, epochs: readonly Epoch[]): Issuer {
  const at = indexOfIssuer(n, epochs)
  const { epoch, first } = epochs[at] ?? { epoch: '', first: 0 }
  return { epoch, first, last: (epochs[at + 1]?.first ?? Number.POSITIVE_INFINITY) - 1 }
}

function indexOfIssuer(n: number, epochs: readonly Epoch[]): number {
  let low = 0
  let high = epochs.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((epochs[middle]?.first ?? 0) <= n) low = middle
    else high = middle - 1
  }
  return low
}

/** True for what has the form of a sequence, whatever history it counts. */
export function isSequence(since: string): boolean {
  return SEQUENCE.test(since)
}

/** The number and the epoch of what has the form of a sequence. */
export function sequenceParts(since: string): readonly [n: string, epoch: string] | undefined {
  const [, n, epoch] = SEQUENCE.exec(since) ?? []
  return n === undefined || epoch === undefined ? undefined : [n, epoch]
}

/**
 * Epoch milliseconds of a time as RFC 3339 writes it; undefined for anything else. Rounded down, as a leap second is: who asks for
 * what changed since then may be told of a change too many, never of one too few.
 */
export function timeOf(since: string): number | undefined {
  const match = TIME.exec(since)
  if (match === null) return undefined
  const [, date = '', minute, second = '', fraction = '', sign, hours = '0', minutes = '0'] = match
  if (second > '60' || Number(hours) > 23 || Number(minutes) > 59) return undefined
  const leapless = second === '60' ? '59.000' : `${second}.${fraction.slice(0, 3).padEnd(3, '0')}`
  const time = Date.parse(`${date}T${minute}:${leapless}Z`)
  // The parser takes 24:00 and a 30th of February for moments of the next day.
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(date)) return undefined
  const offset = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS
  return sign === '-' ? time + offset : time - offset
}

/**
 * Where a `since` leads. One of a known epoch leads to itself, or to that epoch's last number if it lies beyond it:
 * then it was issued by a copy of this database that went another way. One that is unknown or malformed leads to the
 * beginning; a bare number says nothing of its history, so only `0` is safe. A time needs the documents: see
 * sqlite/reader/change-times.ts.
 */
export function placeOf(since: string, { epochs, updateSeq }: Incarnations): Place {
  if (since === 'now') return { n: updateSeq, rewound: false }
  if (since === '0') return { n: 0, rewound: false }
  const match = SEQUENCE.exec(since)
  const asked = Number(match?.[1])
  const at = epochs.findIndex(({ epoch }) => epoch === match?.[2])
  if (at === -1) return { n: 0, rewound: asked !== 0 }
  const next = epochs[at + 1]
  const n = Math.min(asked, next === undefined ? updateSeq : next.first - 1)
  return { n, rewound: n < asked }
}
