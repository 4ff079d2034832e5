import type { Field } from './entity.ts'
import { MAX_ID_LENGTH } from './entity.ts'
import { hasLoneSurrogate } from './lone-surrogate.ts'
import { isUuid } from './uuid.ts'

const MAX_INTEGER = 2 ** 31 - 1
const MIN_INTEGER = -(2 ** 31)

/** 24 November 4714 BC, where `timestamptz` begins. */
const MIN_TIME = -210_866_803_200_000

/** The last moment of a JavaScript `Date`; `timestamptz` goes on for longer, but who reads it in JavaScript could not. */
const MAX_TIME = 8_640_000_000_000_000

/** Why this value, neither null nor absent, cannot stand in this field; undefined when it can. */
export function checkValue(field: Field, value: unknown): string | undefined {
  switch (field.kind) {
    case 'text':
      return checkText(value, field.maxLength) ?? checkPattern(value, field.pattern)
    case 'reference':
      return checkText(value, MAX_ID_LENGTH)
    case 'uuid':
      return typeof value === 'string' && isUuid(value)
        ? undefined
        : `Expected a UUID, found ${nameOf(value)}.`
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `Expected true or false, found ${nameOf(value)}.`
    default:
      return checkNumber(field.kind, value)
  }
}

/** Why Postgres cannot store this text, or not in so many characters. */
export function checkText(value: unknown, maxLength: number | undefined): string | undefined {
  if (typeof value !== 'string') return `Expected text, found ${nameOf(value)}.`
  if (value.includes('\0')) return 'The text holds a NUL character, which Postgres cannot store.'
  if (hasLoneSurrogate(value)) return 'The text holds half a surrogate pair, which is no character.'
  if (maxLength === undefined || value.length <= maxLength) return undefined
  const length = characters(value)
  if (length <= maxLength) return undefined
  return `The text has ${length} characters; at most ${maxLength} fit.`
}

/** Not by a list of them: a text may have millions, and the server checks between its answers. */
function characters(text: string): number {
  let count = text.length
  for (let at = 0; at < text.length; at++) if (isHighSurrogate(text.charCodeAt(at))) count--
  return count
}

/** The first half of a pair; there are no halves alone here. */
function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800
}

function checkPattern(value: unknown, pattern: string | undefined): string | undefined {
  if (pattern === undefined || new RegExp(pattern).test(String(value))) return undefined
  return `The text does not match ${pattern}.`
}

function checkNumber(kind: 'integer' | 'long' | 'float' | 'time', value: unknown): string | undefined {
  const expected = kind === 'float' ? 'a number' : kind === 'time' ? 'epoch milliseconds' : 'a whole number'
  if (typeof value !== 'number') return `Expected ${expected}, found ${nameOf(value)}.`
  // JSON has no infinity, but `1e999` is read as one.
  if (!Number.isFinite(value)) return 'The number is larger than a double can hold.'
  if (kind === 'float') return undefined
  if (!Number.isInteger(value)) return `Expected ${expected}, found a fraction.`
  return checkRange(kind, value)
}

function checkRange(kind: 'integer' | 'long' | 'time', value: number): string | undefined {
  if (kind === 'integer') {
    const fits = value >= MIN_INTEGER && value <= MAX_INTEGER
    return fits ? undefined : 'The number does not fit a 32-bit integer.'
  }
  if (kind === 'long') {
    return Number.isSafeInteger(value) ? undefined : 'The number is beyond 2^53, where it is no longer exact.'
  }
  const fits = value >= MIN_TIME && value <= MAX_TIME
  return fits ? undefined : 'The time lies outside the years 4714 BC to 275760.'
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'string':
      return 'text'
    case 'boolean':
      return 'true or false'
    case 'number':
      return 'a number'
    case 'undefined':
      return 'nothing'
    default:
      return 'an object'
  }
}
