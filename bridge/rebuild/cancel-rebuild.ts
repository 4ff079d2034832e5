import type pg from 'pg'
import { endRebuild, lockShape, readRecord } from '../descriptions/record.ts'
import { inLongTransaction, type Queryable } from '../postgres-client.ts'
import { prepareOwnTables } from '../schema/migrations.ts'
import { dropNewTables } from './table-swap.ts'

/**
 * Gives up a rebuild that was begun and cannot be finished: the tables stay as they were, and the bridges go on. False if
 * none is under way. A command that is still at it ends by itself.
 */
export async function cancelRebuild(pool: pg.Pool): Promise<boolean> {
  return await inLongTransaction(pool, async sql => {
    await prepareOwnTables(sql)
    await lockShape(sql)
    if ((await readRecord(sql))?.rebuilding === undefined) return false
    await dropNewTables(sql)
    await readAgain(sql)
    await endRebuild(sql)
    return true
  })
}

/** The letters of what it has read are those of the new tables: they are found anew with the old ones. */
async function readAgain(sql: Queryable): Promise<void> {
  await sql.query(
    `update divan.checkpoints set cursor = null where database in (select database from divan.rebuilt_databases)`,
  )
  await sql.query(
    `insert into divan.dirty_databases (database)
     select database from divan.rebuilt_databases order by database collate "C"
     on conflict (database) do update set mark = nextval('divan.marks')`,
  )
}
