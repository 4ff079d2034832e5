import type { Target } from './client/target.ts'
import type { Row, Sample, Size } from './rows/row.ts'
import { rowTable } from './rows/row-table.ts'

/** What the benchmark asks of its client. */
export type ClientTask = {
  readonly key: string
  readonly step?: 'prepare' | undefined
  readonly target: Target
  readonly size: Size
}
export type ClientAnswer = { readonly sample: Sample } | { readonly failure: string }

/**
 * The benchmark's client, a process of its own: nothing else of the benchmark takes its time. It does one row for one server
 * and ends.
 */
process.once('disconnect', () => process.exit())
process.once('message', async (task: ClientTask) => {
  const row = rowTable.find(row => row.key === task.key)
  const answer = await (row === undefined ? Promise.reject(new Error('no such row')) : done(row, task)).then(
    (sample): ClientAnswer => ({ sample }),
    (error: unknown): ClientAnswer => ({
      failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  )
  process.send?.(answer, () => process.exit())
})

async function done(row: Row, { step, target, size }: ClientTask): Promise<Sample> {
  if (step === undefined) return await row.measure(target, size)
  await row.prepare?.(target, size)
  return { value: Number.NaN }
}
