import type { SeriesResult } from '../compare-series.ts'
import type { Comparison } from '../comparison.ts'
import type { Measured } from '../measured.ts'
import type { Form } from '../options.ts'
import type { Durability } from '../servers/syncs.ts'
import type { Machine } from './machine.ts'

/** Everything that a run of the benchmark found, as it is kept in a file. */
export type Result = {
  readonly when: string
  readonly form: Form
  readonly repeats: number
  readonly machine: Machine
  /** Its name. */
  readonly peer: string | undefined
  readonly durability: { readonly ours: Durability; readonly peer?: Durability | undefined } | undefined
  readonly rows: readonly Comparison[]
  readonly series: readonly SeriesResult[]
  readonly bridge: readonly Measured[]
}
