import type pg from 'pg'
import type { Logger } from 'pino'
import { type OnRefusal, removeRows } from './apply.ts'
import { applyFeed, applyInto, NOTHING_APPLIED } from './apply-with-letters.ts'
import { BridgeError } from './bridge-error.ts'
import { isMissingDatabase } from './changes-feed.ts'
import { dropCheckpoint, moveCheckpoint, takeCheckpoint } from './checkpoints.ts'
import type { CouchClient } from './couch-client.ts'
import { dropLetters, dropOldLetters, hasLetters } from './dead-letter-store.ts'
import { type Feed, type FeedPart, feedParts } from './feed-parts.ts'
import { readRowTypes } from './mapping/row-type.ts'
import { clearMark, clearRenewal, type DirtyDatabase, readDirty } from './marks.ts'
import type { PageSizes } from './page-sizes.ts'
import { answered, inBatch, inLongTransaction } from './postgres-client.ts'
import { isMissingPart, verdictOf } from './postgres-errors.ts'
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
  try {
    return await takeTurnAt(context, database)
  } catch (error) {
    throw isMissingPart(error) ? missingPart(error) : error
  }
}

function missingPart(error: Error): BridgeError {
  const message = `a table of the mirror is not as it was made: ${error.message}. Start the bridge again`
  return new BridgeError(message, { cause: error })
}

async function takeTurnAt(context: TurnContext, database: string): Promise<TurnOutcome> {
  const source = sourceOf(database)
  const dirty = source && (await readDirty(context.pool, database))
  if (source === undefined || dirty === undefined) return 'clean'
  const turn = { context, source, dirty }
  return dirty.renewal === undefined ? await applyParts(turn) : await ifThere(turn, () => renew(turn))
}

/** A database's turn. The cursor of `dirty` moves with each batch that is committed. */
type Turn = { readonly context: TurnContext; readonly source: Source; readonly dirty: DirtyDatabase }

/** The next part is read while Postgres works on this one. */
async function applyParts(turn: Turn): Promise<TurnOutcome> {
  let { dirty } = turn
  const parts = feedParts(feedOf(turn), dirty.cursor)
  let reading = parts.next()
  for (let count = 1; ; count++) {
    const at = { ...turn, dirty }
    const next = await ifThere(at, () => reading)
    if (typeof next === 'string') return next
    const part = next.value
    if (part.rewound && dirty.cursor !== undefined) return await ifThere(at, () => renew(at))
    const hasNext = part.pending > 0 && count < partsOfTurn(turn.context)
    if (hasNext) {
      reading = parts.next()
      // It is dropped when this part is not applied, and its failure with it.
      reading.catch(() => undefined)
    }
    const outcome = await applyPart(at, part)
    if (outcome !== 'more' || !hasNext) {
      if (part.read > 0) turn.context.pageSizes.shrink(turn.source.database)
      return outcome
    }
    dirty = { ...dirty, cursor: part.cursor }
  }
}

function feedOf({ context, source }: Turn): Feed {
  const { client, signal, pageSizes } = context
  const limit = () => pageSizes.limit(source.database, PAGE_LIMIT[source.kind])
  return { client, signal, source, limit }
}

function partsOfTurn({ queue }: TurnContext): number {
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

async function applyPart({ context, source, dirty }: Turn, part: FeedPart): Promise<TurnOutcome> {
  const { database } = source
  let applied = NOTHING_APPLIED
  const apply = (onRefusal: OnRefusal) =>
    inBatch(context.pool, {
      look: sql =>
        answered([takeCheckpoint(sql, database, dirty.cursor), readRowTypes(sql), hasLetters(sql, database)]),
      async work(sql, [isTaken, types, mayClose]): Promise<TurnOutcome> {
        if (!isTaken) return 'taken'
        const plan = mayClose ? part.plan : { ...part.plan, settled: [] }
        const applying = applyInto({ sql, types }, plan, onRefusal)
        // What is sent between a savepoint and its end would be rolled back with it.
        if (onRefusal === 'set aside') await applying
        const [done, , isCleared] = await answered([
          applying,
          moveCheckpoint(sql, database, part.cursor),
          part.pending === 0 && clearMark(sql, database, dirty.mark),
        ])
        applied = done
        return isCleared ? 'clean' : 'more'
      },
    })
  const outcome = await apply('throw').catch(error => {
    if (verdictOf(error) !== 'data') throw error
    return apply('set aside')
  })
  const { changes, pending } = part
  context.log.debug({ database, changes: changes.length, pending, outcome }, 'batch')
  if (outcome === 'taken') return outcome
  sayLetters(context, database, applied.letters)
  context.meter.batch({ ...applied, changes: changes.length, times: changes.map(({ time }) => time) })
  return outcome
}

function sayLetters({ log }: TurnContext, database: string, letters: number): void {
  if (letters > 0) log.warn({ database }, `${letters} documents became dead letters`)
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
    const { cursor, ...applied } = await applyFeed(sql, feedOf(turn))
    // Old changes that are read again say nothing of how long a change takes.
    batch = { ...applied, times: [] }
    await dropOldLetters(sql, database)
    await moveCheckpoint(sql, database, cursor)
    if (await clearMark(sql, database, dirty.mark)) return 'clean'
    if (dirty.renewal !== undefined) await clearRenewal(sql, database, dirty.renewal)
    return 'more'
  })
  if (batch === undefined) return outcome
  sayLetters(context, database, batch.letters)
  context.meter.batch(batch)
  return outcome
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
