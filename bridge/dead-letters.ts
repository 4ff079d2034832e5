import type pg from 'pg'
import { isMissingDatabase, readChanges } from './changes-feed.ts'
import { type CouchClient, couchClient } from './couch-client.ts'
import { closeLetters, dropLetters } from './dead-letter-store.ts'
import { inLongTransaction, openPool, type Queryable, stayingAwake } from './postgres-client.ts'
import { sourceOf } from './source.ts'
import { originalText } from './storable-text.ts'
import { applyWithLetters, planWithRivals } from './turn.ts'

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

/** All dead letters, the one that failed last at the end. None if nothing was ever mirrored there. */
export async function listDeadLetters(databaseUrl: string): Promise<DeadLetter[]> {
  return await withPool(databaseUrl, async pool => ((await isThere(pool)) ? await readLetters(pool) : []))
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
 * or a limit of a table. A replay may run beside bridges; it moves no cursor.
 */
export async function replayDeadLetters({ serverUrl, databaseUrl }: ReplayOptions): Promise<ReplayOutcome> {
  const client = couchClient(serverUrl)
  return await withPool(databaseUrl, async pool => {
    if (!(await isThere(pool))) return { replayed: 0, closed: 0, left: 0 }
    const letters = await readLetters(pool)
    let closed = 0
    for (const [database, docIds] of byDatabase(letters)) {
      for (let start = 0; start < docIds.length; start += REPLAY_BATCH) {
        closed += await replay({ client, pool, database, docIds: docIds.slice(start, start + REPLAY_BATCH) })
      }
    }
    return { replayed: letters.length, closed, left: (await readLetters(pool)).length }
  })
}

type Replay = {
  readonly client: CouchClient
  readonly pool: pg.Pool
  readonly database: string
  readonly docIds: readonly string[]
}

/**
 * The documents are read while their database's checkpoint is held: no bridge applies a newer revision in between
 * and has it overwritten. Returns how many letters were closed.
 */
async function replay({ client, pool, database, docIds }: Replay): Promise<number> {
  const source = sourceOf(database)
  const signal = AbortSignal.timeout(600_000)
  return await inLongTransaction(pool, async sql => {
    await sql.query('select from divan.checkpoints where database = $1 for update', [database])
    if (source === undefined) return await dropLetters(sql, database)
    try {
      const query = { database, since: undefined, limit: docIds.length, docIds, signal }
      const { changes } = await stayingAwake(sql, readChanges(client, query))
      const plan = await stayingAwake(sql, planWithRivals({ client, signal }, source, changes))
      const found = new Set(changes.map(change => change.id))
      const gone = await closeLetters(
        sql,
        database,
        docIds.filter(id => !found.has(id)),
      )
      return gone + (await applyWithLetters(sql, plan, 'set aside')).closed
    } catch (error) {
      if (isMissingDatabase(error)) return await dropLetters(sql, database)
      throw error
    }
  })
}

function byDatabase(letters: readonly DeadLetter[]): Map<string, string[]> {
  const docIds = new Map<string, string[]>()
  for (const { database, docId } of letters) {
    docIds.set(database, [...(docIds.get(database) ?? []), docId])
  }
  return docIds
}

async function withPool<T>(databaseUrl: string, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = openPool(databaseUrl, 1)
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

async function isThere(sql: Queryable): Promise<boolean> {
  const { rows } = await sql.query<{ readonly is_there: boolean }>(
    `select to_regclass('divan.dead_letters') is not null as is_there`,
  )
  return rows[0]?.is_there === true
}

async function readLetters(sql: Queryable): Promise<DeadLetter[]> {
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
  }>('select * from divan.dead_letters order by last_failed_at, database, doc_id')
  return rows.map(row => ({
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
