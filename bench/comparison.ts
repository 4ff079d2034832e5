import { median } from './measured.ts'
import type { Row, Sample } from './rows/row.ts'

/** A row without what it does. */
export type RowText = Pick<Row, 'key' | 'title' | 'unit' | 'better' | 'goal'>

/** All runs of one row: each of ours beside one of the peer's, taken right after one another. */
export type Comparison = {
  readonly row: RowText
  readonly ours: readonly Sample[]
  readonly peer: readonly Sample[]
}

/** How many times better ours is than the peer, in each pair of runs. */
export function ratios({ row, ours, peer }: Comparison): number[] {
  return ours.flatMap((sample, place) => {
    const other = peer[place]
    // Memory that a server gave back is no measure for the other's.
    if (other === undefined || sample.value <= 0 || other.value <= 0) return []
    return [row.better === 'more' ? sample.value / other.value : other.value / sample.value]
  })
}

/** The median of something of all runs, undefined if it was not to be had. */
export function medianOf(
  samples: readonly Sample[],
  pick: (sample: Sample) => number | undefined,
): number | undefined {
  const values = samples.map(pick).filter(value => value !== undefined)
  return values.length === 0 ? undefined : median(values)
}

/** From the smallest to the largest. */
export function spreadOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)]
}
