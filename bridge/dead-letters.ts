import type pg from 'pg'
import { applyWithLetters } from './apply-with-letters.ts'
import { BridgeError } from './bridge-error.ts'
import { isMissingDatabase } from './changes-feed.ts'
import { type CouchClient, couchClient } from './couch-client.ts'
import { closeLetters, dropLetters } from './dead-letter-store.ts'
import { holdShape } from './descriptions/record.ts'
import { feedParts } from './feed-parts.ts'
import { isMirrorThere } from './is-there.ts'
import {
  inLongTransaction,
  postgresName,
  type Queryable,
  stayingAwake,
  withConnection,
} from './postgres-client.ts'
import { prepareSchema } from './schema/migrations.ts'
import { type Source, sourceOf } from './source.ts'
import { originalText } from './storable-text.ts'

/** A document that could not become rows, with the reason. */
export interface DeadLetter {
  readonly database: string
  readonly docId: string
  readonly rev: string | undefined
  /** The type that its id names, known or not. */
  readonly entity: string | undefined
  /** The member or column at fault; undefined when it is the document itself. */
  readonly path: string | undefined
  readonly reason: string
  readonly seq: string | undefined
  readonly firstFailedAt: Date
  readonly lastFailedAt: Date
  readonly attempts: number
}

/** All dead letters, the one that failed last at the end. Throws a `BridgeError` where there is no mirror. */
export async function listDeadLetters(databaseUrl: string): Promise<DeadLetter[]> {
  return await withMirror(databaseUrl, readLetters)
}

/** The last so many of them, for there may be millions, and how many there are. */
export async function newestDeadLetters(
  databaseUrl: string,
  limit: number,
): Promise<{ readonly letters: readonly DeadLetter[]; readonly count: number }> {
  return await withMirror(databaseUrl, async pool => {
    const letters = await readLetters(pool, limit)
    return { letters, count: letters.length < limit ? letters.length : await countLetters(pool) }
  })
}

export type ReplayOptions = { readonly serverUrl: string; readonly databaseUrl: string }

export type ReplayOutcome = {
  /** Letters whose documents were read again. */
  readonly replayed: number
  /** Those of them that are no more: the document has rows now, or is gone. */
  readonly closed: number
  /** Letters there are at the end. */
  readonly left: number
}

/** Documents that are read and applied together. */
const REPLAY_BATCH = 50

/**
 * Reads the document of every dead letter again and tries once more to mirror it: after a description has changed,
 * or a limit of a table. A replay may run beside bridges; it moves no cursor. Each batch is a transaction, so one that
 * is cut off leaves only letters that are still to be replayed.
 */
export async function replayDeadLetters({ serverUrl, databaseUrl }: ReplayOptions): Promise<ReplayOutcome> {
  const client = couchClient(serverUrl)
  return await withMirror(databaseUrl, async pool => {
    // It may come before the first bridge that has the descriptions of this program.
    await prepareSchema(pool)
    let [replayed, closed] = [0, 0]
    for await (const { database, docIds } of letterBatches(pool)) {
      closed += await replay({ client, pool, database, docIds })
      replayed += docIds.length
    }
    return { replayed, closed, left: await countLetters(pool) }
  })
}

type LetterBatch = { readonly database: string; readonly docIds: readonly string[] }

/** The documents of all letters, database by database. There may be millions: never all of them in memory. */
async function* letterBatches(pool: pg.Pool): AsyncGenerator<LetterBatch> {
  let after = { database: '', hash: '' }
  for (;;) {
    const { rows } = await pool.query<{
      readonly database: string
      readonly hash: string
      readonly doc_id: string
    }>(
      `select database, md5(doc_id) as hash, doc_id from divan.dead_letters
        where (database, md5(doc_id)) > ($1, $2) order by database, md5(doc_id) limit $3`,
      [after.database, after.hash, REPLAY_BATCH],
    )
    const last = rows.at(-1)
    if (last === undefined) return
    after = last
    for (const database of new Set(rows.map(row => row.database))) {
      const own = rows.filter(row => row.database === database)
      yield { database, docIds: own.map(row => originalText(row.doc_id)) }
    }
  }
}

async function countLetters(sql: Queryable): Promise<number> {
  const { rows } = await sql.query<{ readonly count: string }>(
    'select count(*) as count from divan.dead_letters',
  )
  return Number(rows[0]?.count)
}

type Replay = LetterBatch & { readonly client: CouchClient; readonly pool: pg.Pool }

/**
 * The documents are read while their database's checkpoint is held: no bridge applies a newer revision in between
 * and has it overwritten. Returns how many letters were closed.
 */
async function replay({ client, pool, database, docIds }: Replay): Promise<number> {
  const source = sourceOf(database)
  return await inLongTransaction(pool, async sql => {
    await holdShape(sql)
    await sql.query('select from divan.checkpoints where database = $1 for update', [database])
    if (source === undefined) return await dropLetters(sql, database)
    try {
      return await replayDocs({ client, sql, source, docIds })
    } catch (error) {
      if (isMissingDatabase(error)) return await dropLetters(sql, database)
      throw error
    }
  })
}

type DocsReplay = Pick<Replay, 'client' | 'docIds'> & { readonly sql: Queryable; readonly source: Source }

/** Page by page: large documents do not come together. Letters of documents that no page has are of none any more. */
async function replayDocs({ client, sql, source, docIds }: DocsReplay): Promise<number> {
  const { database } = source
  const signal = AbortSignal.timeout(600_000)
  const gone = new Set(docIds)
  let closed = 0
  const limit = () => docIds.length
  const parts = feedParts({ client, signal, source, limit, docIds }, undefined)
  for (;;) {
    const { value: part } = await stayingAwake(sql, parts.next())
    for (const { id } of part.changes) gone.delete(id)
    closed += (await applyWithLetters(sql, part.plan, 'set aside')).closed
    if (gone.size === 0 || part.pending === 0) break
  }
  return closed + (await closeLetters(sql, database, [...gone]))
}

/** No letters in a Postgres without a mirror are no good news: most likely it is the wrong one. */
async function withMirror<T>(databaseUrl: string, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  return await withConnection(databaseUrl, async pool => {
    if (!(await isMirrorThere(pool))) throw new BridgeError(`${postgresName(databaseUrl)}: ${NO_MIRROR}`)
    return await work(pool)
  })
}

/** What an operator is told of a Postgres in which nothing is mirrored. */
export const NO_MIRROR =
  'there is no mirror in it (no table divan.dead_letters). Check DATABASE_URL; a bridge makes the mirror when it starts'

async function readLetters(sql: Queryable, limit?: number): Promise<DeadLetter[]> {
  const { rows } = await sql.query<{
    readonly database: string
    readonly doc_id: string
    readonly rev: string | null
    readonly entity: string | null
    readonly path: string | null
    readonly reason: string
    readonly seq: string | null
    readonly first_failed_at: Date
    readonly last_failed_at: Date
    readonly attempts: number
  }>('select * from divan.dead_letters order by last_failed_at desc, database desc, doc_id desc limit $1', [
    limit ?? null,
  ])
  return rows.reverse().map(row => ({
    database: row.database,
    docId: originalText(row.doc_id),
    rev: row.rev ?? undefined,
    entity: row.entity ?? undefined,
    path: row.path ?? undefined,
    reason: row.reason,
    seq: row.seq ?? undefined,
    firstFailedAt: row.first_failed_at,
    lastFailedAt: row.last_failed_at,
    attempts: row.attempts,
  }))
}
