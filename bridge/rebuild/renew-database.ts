import type pg from 'pg'
import { pino } from 'pino'
import { pause } from '../back-off.ts'
import { BridgeError } from '../bridge-error.ts'
import { isMarkedForRenewal, markForRenewal } from '../marks.ts'
import { PageSizes } from '../page-sizes.ts'
import { prepareSchema } from '../schema/migrations.ts'
import { takeTurn } from '../turn.ts'
import type { RebuildContext } from './rebuild-tables.ts'

/**
 * Makes the rows of one database anew, in one transaction and beside running bridges. Throws a `BridgeError` if neither the server
 * nor the mirror has it.
 */
export async function renewDatabase(context: RebuildContext, database: string): Promise<void> {
  const { pool, signal, say } = context
  await prepareSchema(pool)
  const wasMirrored = await hasCheckpoint(pool, database)
  await markForRenewal(pool, database)
  const log = pino({ level: 'silent' })
  const meter = { batch: () => undefined, turn: () => undefined, retry: () => undefined }
  const turns = { ...context, log, meter, pageSizes: new PageSizes() }
  while (await isMarkedForRenewal(pool, database)) {
    const outcome = await takeTurn(turns, database)
    // A bridge is at it.
    if (outcome === 'taken') await pause(200, signal)
    signal.throwIfAborted()
  }
  if (await hasCheckpoint(pool, database)) return say(`the rows of ${database} are made anew`)
  if (!wasMirrored) throw new BridgeError(`neither the server nor the mirror has a database ${database}`)
  say(`the server has no database ${database}: the rows that it had are gone`)
}

/** It goes when the server no longer has the database. */
async function hasCheckpoint(pool: pg.Pool, database: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    'select from divan.checkpoints where database = $1 and mirrored_at is not null',
    [database],
  )
  return rowCount === 1
}
