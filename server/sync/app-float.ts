import type { Field } from '../../design-docs/entity.ts'

/**
 * Whether the app can read this value of a field. Its floats have 32 bits, and its parser stops at a number that it would have to take for
 * infinity: one such number, which only a client that replicates can have written, and none of the rows beside it would ever arrive.
 */
export function fitsAppFloat(field: Field, value: unknown): boolean {
  return field.kind !== 'float' || typeof value !== 'number' || Number.isFinite(Math.fround(value))
}
