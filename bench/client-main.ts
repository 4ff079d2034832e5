import { type ClientResult, type ClientTask, doTask } from './client-task.ts'

export type ClientAnswer = { readonly result: ClientResult } | { readonly failure: string }

/**
 * The benchmark's client, a process of its own: nothing else of the benchmark takes its time. It does one task for one server
 * and ends.
 */
process.once('disconnect', () => process.exit())
process.once('message', async (task: ClientTask) => {
  const answer = await doTask(task).then(
    (result): ClientAnswer => ({ result }),
    (error: unknown): ClientAnswer => ({
      failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  )
  process.send?.(answer, () => process.exit())
})
