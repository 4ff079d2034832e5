import type pg from 'pg'
import { typeOfId } from '../../design-docs/doc-id.ts'
import { applyFeed } from '../apply-with-letters.ts'
import { BridgeError } from '../bridge-error.ts'
import { isMissingDatabase } from '../changes-feed.ts'
import { type CouchClient, ServerError } from '../couch-client.ts'
import { holdRebuild, lockShape, readRecord, startRebuild, writeRecord } from '../descriptions/record.ts'
import { makeRowTypes } from '../mapping/row-type.ts'
import type { Plan } from '../plan.ts'
import { inLongTransaction, inTransaction, type Queryable } from '../postgres-client.ts'
import { isBusy, verdictOf } from '../postgres-errors.ts'
import { recordTables } from '../schema/known-tables.ts'
import { prepareOwnTables } from '../schema/migrations.ts'
import { checkRights } from '../schema/mirror-tables.ts'
import { needsRight } from '../schema/needs-right.ts'
import { type Source, sourceOf } from '../source.ts'
import { updatesCursor } from '../updates-feed.ts'
import { OldReaders, readingMoment, refuseOldReaders } from './old-readers.ts'
import { Patience } from './patience.ts'
import { chooseTargets, type Targets } from './rebuild-targets.ts'
import {
  hasNewTables,
  makeNewTables,
  refuseLosses,
  refuseMissingRights,
  swapTables,
  useNewTables,
} from './table-swap.ts'

/** What a rebuild works with. */
export type RebuildContext = {
  readonly client: CouchClient
  readonly pool: pg.Pool
  readonly signal: AbortSignal
  /** A line for whoever waits. */
  say(line: string): void
}

/**
 * Makes tables anew beside the old ones, from the feeds of all mirrored databases, and puts them in their places in one
 * transaction:
 *
 *     begin   new tables, empty; recorded as under way: from here on no bridge mirrors
 *     fill    a transaction for each database: its rows in the new tables, its letters, its name in rebuilt_databases
 *     swap    old tables out, new ones in, the descriptions recorded: the bridges go on
 *
 * Until the swap, readers see the old tables as they were at the beginning. Cursors do not move: what changes meanwhile
 * comes after them. Cut off at any moment, the same call goes on with the databases that are not yet filled; another
 * call begins anew. False if there is nothing to do.
 */
export async function rebuildTables(context: RebuildContext, what: string | undefined): Promise<boolean> {
  const patience = new Patience(context)
  // From `begin` on the bridges wait. What would keep it from its end is met before.
  await updatesCursor(context.client, context.signal, PROBE_MS)
  const targets = await patience.with(() => begin(context, what), isBusy)
  if (targets === undefined) return false
  try {
    await fill(context, targets, patience)
    const filled = await readingMoment(context.pool)
    await patience.with(() => swap(context, targets, filled), mayPass)
  } catch (error) {
    throw unfinished(error)
  }
  return true
}

/** How long the server may take to say that it is there. */
const PROBE_MS = 30_000

/** Credentials that are wrong do not mend themselves. */
function mayPass(error: unknown): boolean {
  if (error instanceof ServerError) return error.status !== 401 && error.status !== 403
  return error instanceof OldReaders || verdictOf(error) === 'retry'
}

function unfinished(error: unknown): unknown {
  const isKnown = error instanceof ServerError || error instanceof OldReaders
  if (!isKnown && verdictOf(error) === 'unknown') return error
  const reason = error instanceof Error ? error.message : String(error)
  return new BridgeError(
    `${reason}. Nothing is mirrored until the same command has finished: run it again, or give it up: npx divan rebuild cancel`,
    { cause: error },
  )
}

async function swap({ pool }: RebuildContext, targets: Targets, filled: string): Promise<void> {
  await inLongTransaction(pool, async sql => {
    await refuseOldReaders(sql, filled)
    await lockShape(sql)
    await holdRebuild(sql, targets.token)
    await swapTables(sql, targets)
    await writeRecord(sql, targets.described)
    await recordTables(sql, targets.entities)
    await sql.query('delete from divan.rebuilt_databases')
  })
}

async function begin({ pool, say }: RebuildContext, what: string | undefined): Promise<Targets | undefined> {
  return await inTransaction(pool, async sql => {
    await prepareOwnTables(sql)
    await checkRights(sql, [])
    await lockShape(sql)
    const record = await readRecord(sql)
    const targets = chooseTargets(record?.described ?? [], what)
    if (targets === undefined) return undefined
    await refuseLosses(sql, targets)
    await refuseMissingRights(sql, targets)
    await needsRight('create on the schema divan', () => makeRowTypes(sql, targets.entities))
    const tables = targets.entities.map(({ table }) => table).join(', ')
    if (record?.rebuilding === targets.token && (await hasNewTables(sql))) {
      say(`going on with what was begun: ${tables}`)
      return targets
    }
    say(`making anew: ${tables}`)
    await makeNewTables(sql, targets)
    if (record === undefined) await writeRecord(sql, [])
    await startRebuild(sql, targets.token)
    return targets
  })
}

/** Databases that are filled at once. */
const WORKERS = 4

async function fill(context: RebuildContext, targets: Targets, patience: Patience): Promise<void> {
  const left = await databasesLeft(context.pool)
  const count = left.length
  let done = 0
  let saidAt = Date.now()
  const work = async () => {
    for (let database = left.pop(); database !== undefined; database = left.pop()) {
      await patience.with(() => fillDatabase(context, database, targets), mayPass)
      done++
      if (Date.now() < saidAt + SAY_MS) continue
      saidAt = Date.now()
      context.say(`${done} of ${count} databases`)
    }
  }
  // One that fails ends all: the others would work for a rebuild that is not finished now.
  await Promise.all(Array.from({ length: WORKERS }, work)).catch(error => {
    left.length = 0
    throw error
  })
  context.say(`${done} databases read`)
}

/** How often it says how far it is. */
const SAY_MS = 5000

/** All that have rows. What was never mirrored is mirrored afterwards, in the ordinary way. */
async function databasesLeft(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ readonly database: string }>(
    `select database from divan.checkpoints c
      where mirrored_at is not null and not exists (select from divan.rebuilt_databases r where r.database = c.database)`,
  )
  return rows.map(({ database }) => database)
}

/** All rows of a database in one transaction: none of them is there twice or half when it is cut off. */
async function fillDatabase(context: RebuildContext, database: string, targets: Targets): Promise<void> {
  const source = sourceOf(database)
  if (source === undefined) return
  await inLongTransaction(context.pool, async sql => {
    await holdRebuild(sql, targets.token)
    // Of two commands that do the same, one has done it.
    const noted = 'insert into divan.rebuilt_databases (database) values ($1) on conflict do nothing'
    if ((await sql.query(noted, [database])).rowCount === 0) return
    await useNewTables(sql)
    await fillFromFeed(context, { sql, source, targets }).catch(error => {
      if (!isMissingDatabase(error)) throw error
    })
  })
}

type Filling = { readonly sql: Queryable; readonly source: Source; readonly targets: Targets }

/** The sizes of a page: a document of samples has thousands of rows. */
const PAGE_LIMIT = { main: 500, accounts: 500, metrics: 10 } as const

async function fillFromFeed({ client, signal }: RebuildContext, filling: Filling): Promise<void> {
  const { sql, source, targets } = filling
  const limit = () => PAGE_LIMIT[source.kind]
  await applyFeed(sql, { client, signal, source, limit }, plan => onlyOf(plan, targets))
}

/** What a plan does for the tables that are made anew. The other tables have it already, or get it afterwards. */
function onlyOf(plan: Plan, { types }: Targets): Plan {
  const isMeant = (id: string) => types.has(typeOfId(id))
  return {
    source: plan.source,
    tables: new Map([...plan.tables].filter(([entity]) => types.has(entity.type))),
    deadLetters: plan.deadLetters.filter(({ change }) => isMeant(change.id)),
    settled: plan.settled.filter(isMeant),
  }
}
