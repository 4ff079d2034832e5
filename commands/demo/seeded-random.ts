import { createHash } from 'node:crypto'

/** Numbers that look random and are the same for the same name. */
export type SeededRandom = {
  /** From `low` up to `high`. */
  between(low: number, high: number): number
  /** A whole number, both ends included. */
  integer(low: number, high: number): number
  pick<T>(choices: readonly [T, ...T[]]): T
}

/**
 * A stream of its own for each name: what one part of a history draws does not shift what another one gets.
 * The generator is mulberry32, which is short, quick and even enough for a demo.
 */
export function seededRandom(name: string): SeededRandom {
  let state = createHash('sha1').update(name).digest().readUInt32BE(0)
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low: number, high: number) => low + next() * (high - low)
  const integer = (low: number, high: number) => Math.floor(between(low, high + 1))
  return { between, integer, pick: choices => choices[integer(0, choices.length - 1)] ?? choices[0] }
}
