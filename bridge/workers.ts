import { delayAfter, pause } from './back-off.ts'
import type { Concern, Failures } from './failures.ts'
import { isTooSlow } from './postgres-errors.ts'
import type { TroubledDatabases } from './troubled-databases.ts'
import { type TurnContext, takeTurn } from './turn.ts'
import type { WorkQueue } from './work-queue.ts'

/** What the workers share. */
export type WorkContext = TurnContext & {
  readonly queue: WorkQueue
  readonly failures: Failures
  readonly troubled: TroubledDatabases
}

/** Batches at once. Each needs a connection to Postgres, and so do the follower and the search for dirty databases. */
export const WORKERS = 4

/** A worker whose batches fail so often in a row waits a while. */
const FAILURES_IN_A_ROW = 3

/** The longest that a worker waits after failures that need not concern the next database. */
const SHORT_PAUSE_MS = 1000

/** Take turns at the databases of the queue, until it is closed. */
export async function runWorkers(context: WorkContext): Promise<void> {
  await Promise.all(Array.from({ length: WORKERS }, () => work(context)))
}

/**
 * A worker whose turns fail because something is away waits longer each time: what is away for one database is away for all,
 * and the thousands that wait must not be asked for in vain one after the other.
 */
async function work(context: WorkContext): Promise<void> {
  const { queue, meter, pageSizes, failures, troubled, signal } = context
  let inARow = 0
  for (let database = await queue.next(); database !== undefined; database = await queue.next()) {
    try {
      const outcome = await takeTurn(context, database)
      meter.turn(outcome)
      inARow = 0
      queue.done(database, outcome === 'more' ? 'more' : 'rest')
      pageSizes.grow(database)
      troubled.succeeded(database)
      failures.over(database)
    } catch (error) {
      if (signal.aborted) continue
      if (failures.mustEnd(error)) {
        queue.close()
        continue
      }
      meter.turn('failed')
      if (isTooSlow(error)) pageSizes.shrink(database)
      const concern = await failures.ofTurn(database, error)
      await pause(pauseAfter(context, concern, ++inARow), signal)
      queue.done(database, concern === 'all' ? 'more' : 'failed')
    }
  }
}

/** A few databases in trouble rest in the queue, and hold up no worker. */
function pauseAfter({ troubled }: WorkContext, concern: Concern, inARow: number): number {
  if (concern === 'all') return delayAfter(inARow)
  if (concern === 'some') return inARow < FAILURES_IN_A_ROW ? 0 : delayAfter(inARow)
  return troubled.areMany ? Math.min(SHORT_PAUSE_MS, delayAfter(inARow)) : 0
}
