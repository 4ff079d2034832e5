import assert from 'node:assert/strict'
import type { NameRange } from '../../store.ts'
import { toStoredId } from '../stored-id.ts'
import type { Condition } from './id-range.ts'

/** The ids of one type: the type itself, and all that begin with it and a colon. Between the two stand others, such as `type!`. */
export type TypeIds = {
  readonly alone: string
  /** The first that begins with the type and a colon could be. */
  readonly from: string
  /** The first behind them all. */
  readonly end: string
}

/** A colon's next character: nothing stands between it and what begins with a colon, in bytes of UTF-8 either. */
const AFTER_COLON = ';'

export function idsOfType(type: string): TypeIds {
  assert(type !== '' && !type.includes(':'), 'a type is what stands before the first colon')
  return { alone: type, from: `${type}:`, end: type + AFTER_COLON }
}

export function isOfType({ alone, from }: TypeIds, id: string): boolean {
  return id === alone || id.startsWith(from)
}

/** That an id is one of them, for what stands behind `where` and is found by another column. */
export function ofType({ alone, from, end }: TypeIds): Condition {
  return {
    sql: ' and (id >= ? and id < ? or id = ?)',
    params: [toStoredId(from), toStoredId(end), toStoredId(alone)],
  }
}

/** What of a range is of a type: at most two ranges, in the order of reading. Either may be empty. */
export function rangesOfType(
  { alone, from, end }: TypeIds,
  range: NameRange,
): readonly [NameRange, NameRange] {
  const first = within(range, { low: alone, high: alone, withHigh: true })
  const others = within(range, { low: from, high: end, withHigh: false })
  return range.descending ? [others, first] : [first, others]
}

type Bounds = { readonly low: string; readonly high: string; readonly withHigh: boolean }

function within(range: NameRange, { low, high, withHigh }: Bounds): NameRange {
  const { startKey, endKey, inclusiveStart, inclusiveEnd, descending } = range
  const lower = { key: low, isIn: true }
  const upper = { key: high, isIn: withHigh }
  const given = {
    start: startKey === undefined ? undefined : { key: startKey, isIn: inclusiveStart !== false },
    end: endKey === undefined ? undefined : { key: endKey, isIn: inclusiveEnd !== false },
  }
  const start = descending ? tighter(upper, given.start, -1) : tighter(lower, given.start, 1)
  const stop = descending ? tighter(lower, given.end, 1) : tighter(upper, given.end, -1)
  return {
    ...range,
    startKey: start.key,
    inclusiveStart: start.isIn,
    endKey: stop.key,
    inclusiveEnd: stop.isIn,
  }
}

type Bound = { readonly key: string; readonly isIn: boolean }

/** The bound that lets less in: the greater one for `direction` 1, the lower one for -1. */
function tighter(ours: Bound, given: Bound | undefined, direction: 1 | -1): Bound {
  if (given === undefined) return ours
  const order = direction * compareIds(given.key, ours.key)
  if (order === 0) return { key: ours.key, isIn: ours.isIn && given.isIn }
  return order > 0 ? given : ours
}

/** In the order of the column: bytes of UTF-8, where JavaScript compares UTF-16. */
function compareIds(one: string, other: string): number {
  return Buffer.compare(Buffer.from(toStoredId(one)), Buffer.from(toStoredId(other)))
}
