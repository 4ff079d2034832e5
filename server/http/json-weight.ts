import { randomInt } from 'node:crypto'
import { COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './json-bytes.ts'
import { closingQuote } from './json-string.ts'

/** What a JSON text costs once it is parsed, roughly, told from its bytes alone. */
export type JsonWeight = {
  /** Bytes that are neither inside of strings nor blank. In memory each may become some twenty, those in strings one or two. */
  readonly plainBytes: number
  /** Objects, lists and their items: what parsing makes is about as many values. */
  readonly values: number
}

/** Weighs a JSON text, reading it once, before JSON.parse fills memory with it: `[{},{},…]` takes twenty times its text. */
export function jsonWeight(source: Buffer): JsonWeight {
  let plainBytes = 0
  let values = 0
  for (let at = 0; at < source.length; at++) {
    const byte = source[at] as number
    if (byte <= 0x20) continue
    plainBytes++
    if (byte === COMMA || byte === OPEN_BRACE || byte === OPEN_BRACKET) values++
    else if (byte === QUOTE) {
      at = closingQuote(source, at + 1)
      plainBytes++
    }
  }
  return { plainBytes, values }
}

/** What a value takes in memory beside its text, roughly. */
export const VALUE_BYTES = 100
/** What such a text makes is little, whatever is in it. */
const SHORT_BYTES = 64 * 1024
/** From here on a reading of the whole costs little beside the rest. */
const LONG_BYTES = 1024 * 1024
const SAMPLES = 32
const SAMPLE_BYTES = 256

/**
 * How many bytes of memory a JSON text takes while it is parsed, roughly: 8 MB of `{},` take 250. To weigh a batch of ordinary size
 * takes as long as to parse it, so that one is judged by samples, which nobody can foresee.
 */
export function parsedBytes(source: Buffer): number {
  if (source.length <= SHORT_BYTES) return source.length
  const values = source.length > LONG_BYTES ? jsonWeight(source).values : sampledValues(source)
  return source.length + VALUE_BYTES * values
}

/** What stands inside of strings is counted too: prose has few commas. */
function sampledValues(source: Buffer): number {
  let found = 0
  for (let sample = 0; sample < SAMPLES; sample++) {
    const start = randomInt(source.length - SAMPLE_BYTES)
    for (let at = start; at < start + SAMPLE_BYTES; at++) {
      const byte = source[at]
      if (byte === COMMA || byte === OPEN_BRACE || byte === OPEN_BRACKET) found++
    }
  }
  return Math.round((found * source.length) / (SAMPLES * SAMPLE_BYTES))
}
