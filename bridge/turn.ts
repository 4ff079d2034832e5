import type pg from 'pg'
import type { Logger } from 'pino'
import { type Applying, applyPlan, type OnRefusal, removeRows } from './apply.ts'
import { type Change, type ChangesPage, isMissingDatabase, readChanges, readRevs } from './changes-feed.ts'
import { dropCheckpoint, moveCheckpoint, takeCheckpoint } from './checkpoints.ts'
import type { CouchClient } from './couch-client.ts'
import { closeLetters, dropLetters, hasLetters, writeLetters } from './dead-letter-store.ts'
import { readRowTypes } from './mapping/row-type.ts'
import { clearMark, clearRenewal, type DirtyDatabase, readDirty } from './marks.ts'
import type { PageSizes } from './page-sizes.ts'
import { type Plan, planChanges, rivalRevs } from './plan.ts'
import { answered, inBatch, inLongTransaction, type Queryable, stayingAwake } from './postgres-client.ts'
import { verdictOf } from './postgres-errors.ts'
import { type Source, sourceOf } from './source.ts'
import type { Batch, BridgeMeter } from './watch/bridge-metrics.ts'
import type { WorkQueue } from './work-queue.ts'

/** What a turn works with. */
export type TurnContext = {
  readonly client: CouchClient
  readonly pool: pg.Pool
  readonly log: Logger
  readonly signal: AbortSignal
  readonly meter: BridgeMeter
  readonly pageSizes: PageSizes
  /** Who else waits for a turn. */
  readonly queue?: Pick<WorkQueue, 'waiting'> | undefined
}

/**
 * How a turn ended:
 * - `clean`: the mirror has all that this bridge knew of;
 * - `more`: it has not, take the next turn;
 * - `taken`: another bridge is at it.
 */
export type TurnOutcome = 'clean' | 'more' | 'taken'

/** The sizes of a page. A document of samples has thousands of rows, so fewer of them fill a transaction. */
const PAGE_LIMIT = { main: 1000, accounts: 1000, metrics: 20 } as const

/** How many pages a database gets before the others have their turns, and while others wait. */
const PAGES_PER_TURN = 4
const PAGES_WHILE_OTHERS_WAIT = 1

/**
 * Some batches of one database: reads pages of changes from where its checkpoint stands and applies each. Rows, dead
 * letters and the new cursor are one transaction, and the checkpoint must still be where the page was read from.
 */
export async function takeTurn(context: TurnContext, database: string): Promise<TurnOutcome> {
  const source = sourceOf(database)
  const dirty = source && (await readDirty(context.pool, database))
  if (source === undefined || dirty === undefined) return 'clean'
  const turn = { context, source, dirty }
  if (dirty.renewal !== undefined) return await ifThere(turn, () => renew(turn))
  return await applyPages(turn)
}

/** A database's turn. The cursor of `dirty` moves with each batch that is committed. */
type Turn = { readonly context: TurnContext; readonly source: Source; readonly dirty: DirtyDatabase }

/** The next page is read while Postgres works on this one. */
async function applyPages(turn: Turn): Promise<TurnOutcome> {
  let { dirty } = turn
  let reading = readPage(turn, dirty.cursor)
  for (let pages = 1; ; pages++) {
    const at = { ...turn, dirty }
    const page = await ifThere(at, () => reading)
    if (typeof page === 'string') return page
    if (page.rewound && dirty.cursor !== undefined) return await ifThere(at, () => renew(at))
    const hasNext = page.pending > 0 && pages < pagesOfTurn(turn.context)
    if (hasNext) {
      reading = readPage(turn, page.cursor)
      // It is dropped when this page is not applied, and its failure with it.
      reading.catch(() => undefined)
    }
    const outcome = await applyPage(at, page)
    if (outcome !== 'more' || !hasNext) return outcome
    dirty = { ...dirty, cursor: page.cursor }
  }
}

function pagesOfTurn({ queue }: TurnContext): number {
  return queue !== undefined && queue.waiting > 0 ? PAGES_WHILE_OTHERS_WAIT : PAGES_PER_TURN
}

/** Does what asks the server for a database, and forgets the database if the server no longer has it. */
async function ifThere<T>(turn: Turn, work: () => Promise<T>): Promise<T | TurnOutcome> {
  try {
    return await work()
  } catch (error) {
    if (isMissingDatabase(error)) return await forget(turn)
    throw error
  }
}

/** A page as it is applied: without its changes, whose bodies are in the plan's rows. */
type Page = Pick<ChangesPage, 'cursor' | 'pending' | 'rewound'> & {
  readonly plan: Plan
  /** When the server took each change. */
  readonly times: readonly (number | undefined)[]
}

async function readPage({ context, source }: Turn, since: string | undefined): Promise<Page> {
  const { client, signal, pageSizes } = context
  const { database, kind } = source
  const limit = pageSizes.limit(database, PAGE_LIMIT[kind])
  const query = { database, since, limit, signal }
  const { changes, ...page } = await readChanges(client, query)
  const plan = await planWithRivals(context, source, changes)
  return { ...page, plan, times: changes.map(change => change.time) }
}

/** The plan of some changes, with the bodies of the leaves that the feed did not bring. */
export async function planWithRivals(
  { client, signal }: Pick<TurnContext, 'client' | 'signal'>,
  source: Source,
  changes: readonly Change[],
): Promise<Plan> {
  const rivals = await readRevs(client, source.database, rivalRevs(changes), signal)
  return planChanges(source, changes, rivals)
}

async function applyPage({ context, source, dirty }: Turn, page: Page): Promise<TurnOutcome> {
  const { database } = source
  let applied = NOTHING_APPLIED
  const apply = (onRefusal: OnRefusal) =>
    inBatch(context.pool, {
      look: sql =>
        answered([takeCheckpoint(sql, database, dirty.cursor), readRowTypes(sql), hasLetters(sql, database)]),
      async work(sql, [isTaken, types, mayClose]): Promise<TurnOutcome> {
        if (!isTaken) return 'taken'
        const plan = mayClose ? page.plan : { ...page.plan, settled: [] }
        const applying = applyInto({ sql, types }, plan, onRefusal)
        // What is sent between a savepoint and its end would be rolled back with it.
        if (onRefusal === 'set aside') await applying
        const [done, , isCleared] = await answered([
          applying,
          moveCheckpoint(sql, database, page.cursor),
          page.pending === 0 && clearMark(sql, database, dirty.mark),
        ])
        applied = done
        return isCleared ? 'clean' : 'more'
      },
    })
  const outcome = await apply('throw').catch(error => {
    if (verdictOf(error) !== 'data') throw error
    return apply('set aside')
  })
  logPage(context, page, outcome)
  const { times } = page
  if (outcome !== 'taken') context.meter.batch({ ...applied, changes: times.length, times })
  return outcome
}

/** What of a plan is in the transaction. */
export type Applied = {
  readonly rows: number
  /** Dead letters written, and closed. */
  readonly letters: number
  readonly closed: number
}

const NOTHING_APPLIED: Applied = { rows: 0, letters: 0, closed: 0 }

/** Rows, letters and closed letters of a plan. */
export async function applyWithLetters(sql: Queryable, plan: Plan, onRefusal: OnRefusal): Promise<Applied> {
  return await applyInto({ sql, types: await readRowTypes(sql) }, plan, onRefusal)
}

async function applyInto(to: Applying, plan: Plan, onRefusal: OnRefusal): Promise<Applied> {
  const { sql } = to
  const { database } = plan.source
  const applying = applyPlan(to, plan, onRefusal)
  // Where a refusal ends the transaction there is none to know of.
  const refused = onRefusal === 'throw' ? [] : await applying
  const failed = new Set(refused.map(letter => letter.change.id))
  const letters = [...plan.deadLetters, ...refused]
  const settled = plan.settled.filter(id => !failed.has(id))
  const [, , closed] = await answered([
    applying,
    writeLetters(sql, database, letters),
    closeLetters(sql, database, settled),
  ])
  return { rows: rowsIn(plan, failed), letters: letters.length, closed }
}

function rowsIn(plan: Plan, failed: ReadonlySet<string>): number {
  let rows = 0
  for (const { upserts } of plan.tables.values()) {
    for (const doc of upserts) if (!failed.has(doc.change.id)) rows += doc.to - doc.from
  }
  return rows
}

function logPage({ log }: TurnContext, { plan, times, pending }: Page, outcome: TurnOutcome): void {
  const { database } = plan.source
  log.debug({ database, changes: times.length, pending, outcome }, 'batch')
  if (plan.deadLetters.length === 0 || outcome === 'taken') return
  log.warn({ database }, `${plan.deadLetters.length} documents became dead letters`)
}

/**
 * Makes all rows of a database anew: after it was restored, or deleted and made again, what is mirrored may never
 * have been in it. One transaction from the first page to the last, so that no reader sees half of it.
 */
async function renew(turn: Turn): Promise<TurnOutcome> {
  const { context, source, dirty } = turn
  const { database } = source
  context.log.info({ database }, 'mirroring a database anew from its start')
  let batch: Batch | undefined
  const outcome = await inLongTransaction(context.pool, async (sql): Promise<TurnOutcome> => {
    if (!(await takeCheckpoint(sql, database, dirty.cursor))) return 'taken'
    await removeRows(sql, source)
    await dropLetters(sql, database)
    const all = await applyAllPages(turn, sql)
    batch = all.batch
    await moveCheckpoint(sql, database, all.cursor)
    if (await clearMark(sql, database, dirty.mark)) return 'clean'
    if (dirty.renewal !== undefined) await clearRenewal(sql, database, dirty.renewal)
    return 'more'
  })
  if (batch !== undefined) context.meter.batch(batch)
  return outcome
}

type AllPages = { readonly cursor: string; readonly batch: Batch }

async function applyAllPages(turn: Turn, sql: Queryable): Promise<AllPages> {
  let cursor: string | undefined
  let [changes, rows, letters] = [0, 0, 0]
  for (;;) {
    const page = await stayingAwake(sql, readPage(turn, cursor))
    if (page.rewound && cursor !== undefined) {
      throw new Error(
        `${turn.source.database} was made anew while it was read: what was read is of two databases`,
      )
    }
    const applied = await applyWithLetters(sql, page.plan, 'set aside')
    changes += page.times.length
    rows += applied.rows
    letters += applied.letters
    cursor = page.cursor
    // Old changes that are read again say nothing of how long a change takes.
    if (page.pending === 0) return { cursor, batch: { changes, rows, letters, times: [] } }
  }
}

/** The database is gone: so are its rows. If it is made again, that is a mark of its own. */
async function forget({ context, source, dirty }: Turn): Promise<TurnOutcome> {
  const { database } = source
  const outcome = await inLongTransaction(context.pool, async (sql): Promise<TurnOutcome> => {
    if (!(await takeCheckpoint(sql, database, dirty.cursor))) return 'taken'
    await removeRows(sql, source)
    await dropLetters(sql, database)
    await dropCheckpoint(sql, database)
    return (await clearMark(sql, database, dirty.mark)) ? 'clean' : 'more'
  })
  if (outcome !== 'taken') context.log.info({ database }, 'a database is gone; its rows are removed')
  return outcome
}
