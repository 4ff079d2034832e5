import type { Target } from './client/target.ts'
import type { Sample, Size } from './rows/row.ts'
import { rowTable } from './rows/row-table.ts'
import { seriesTable } from './series/series-table.ts'

/** What the benchmark asks of its client: a row, what a row needs before the server is started again, or a point of a series. */
export type ClientTask = { readonly key: string; readonly target: Target; readonly size: Size } & (
  | { readonly step: 'measure' | 'prepare' }
  | { readonly step: 'point'; readonly amount: number }
)

/** Of a point, a value for each line; of what was prepared, nothing. */
export type ClientResult = Sample | readonly number[] | undefined

export async function doTask(task: ClientTask): Promise<ClientResult> {
  if (task.step === 'point')
    return await named(seriesTable, task.key).measure(task.target, task.amount, task.size)
  const row = named(rowTable, task.key)
  if (task.step === 'measure') return await row.measure(task.target, task.size)
  await row.prepare?.(task.target, task.size)
  return undefined
}

function named<T extends { readonly key: string }>(table: readonly T[], key: string): T {
  const found = table.find(entry => entry.key === key)
  if (found === undefined) throw new Error(`nothing is named ${key}`)
  return found
}
