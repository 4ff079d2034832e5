import { median } from '../measured.ts'
import { coldReads, fillDatabases } from '../rows/many-databases.ts'
import { heldBy } from '../rows/process-cost.ts'
import { costOf } from './cost.ts'
import type { Series } from './series.ts'

/** Databases with a document each. */
export const databasesSeries: Series = {
  key: 'scale-databases',
  title: 'Databases with a document each',
  of: 'databases',
  amounts: {
    quick: [10, 100],
    usual: [10, 100, 1_000, 10_000],
    full: [10, 100, 1_000, 10_000, 100_000],
  },
  lines: [
    { name: 'make one and put its document', unit: 'µs' },
    { name: 'read a document in one, p50', unit: 'ms' },
    { name: 'memory', unit: 'MB' },
    { name: 'descriptors', unit: '' },
  ],
  most: ({ most }) => most?.databases,
  async measure(target, amount, size) {
    // Those of the amount before are there already.
    const made = await costOf(target, () => fillDatabases(target, amount))
    const read = median(await coldReads(target, size, amount))
    const held = heldBy(target.pid)
    return [made.cpuMicroseconds, read, held?.residentMb ?? Number.NaN, held?.descriptors ?? Number.NaN]
  },
}
