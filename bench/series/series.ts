import type { Target } from '../client/target.ts'
import type { Size } from '../rows/row.ts'

/** What is measured at each point. */
export type Line = {
  readonly name: string
  readonly unit: string
}

/** How the cost of something grows with the amount of something else. */
export type Series = {
  readonly key: string
  readonly title: string
  /** What the amounts are of. */
  readonly of: string
  /** In ascending order: one server goes through them all, and keeps what it has. */
  readonly amounts: {
    readonly quick: readonly number[]
    readonly usual: readonly number[]
    readonly full: readonly number[]
  }
  readonly lines: readonly Line[]
  /** The most of it that this server bears, if that is less. */
  most?(target: Target): number | undefined
  /** A value for each line, in their order. */
  measure(target: Target, amount: number, size: Size): Promise<readonly number[]>
}
