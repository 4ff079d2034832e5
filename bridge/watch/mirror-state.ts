import type pg from 'pg'
import { entities } from '../../design-docs/catalogue.ts'
import { isMirrorThere } from '../is-there.ts'
import { inTransaction, withConnection } from '../postgres-client.ts'
import { kindSql } from './letter-kinds.ts'

/** How far the mirror is, and what is not in it. */
export type MirrorState = {
  /** Databases that were ever mirrored. */
  readonly databases: number
  /** Those with changes that are not mirrored. */
  readonly dirty: number
  /** The worst of them, the worst first; there may be thousands more. */
  readonly lagging: readonly Lag[]
  /** Open dead letters. Entities are those that have a description, or `unknown`; kinds as in letter-kinds.ts. */
  readonly letters: readonly LetterCount[]
  /** When the last batch of any bridge was committed. */
  readonly lastBatchAt: Date | undefined
}

export type Lag = { readonly database: string; readonly seconds: number }
export type LetterCount = { readonly entity: string; readonly kind: string; readonly count: number }

/** How many databases are named: ten thousand that lag must not become ten thousand series of a metric. */
const MAX_LAGGING = 50

/** Millions of letters take seconds to count. Better no numbers than an operator's query that adds to the load. */
const LIMIT_READING = `set local statement_timeout = '2s'; set local transaction read only`

const STATE = `
select (select count(*) from divan.checkpoints)::int as databases,
       (select count(*) from divan.dirty_databases)::int as dirty,
       (select max(mirrored_at) from divan.checkpoints) as last_batch_at,
       (select coalesce(json_agg(d), '[]') from (
         select database, greatest(0, extract(epoch from clock_timestamp() - marked_at))::float8 as seconds
           from divan.dirty_databases order by marked_at limit ${MAX_LAGGING}) d) as lagging,
       (select coalesce(json_agg(l), '[]') from (
         select case when entity = any($1) then entity else 'unknown' end as entity, ${kindSql('reason')} as kind, count(*)::int
           from divan.dead_letters group by 1, 2 order by 3 desc, 1, 2) l) as letters`

type StateRow = {
  readonly databases: number
  readonly dirty: number
  readonly last_batch_at: Date | null
  readonly lagging: readonly Lag[]
  readonly letters: readonly LetterCount[]
}

/** Reads it in one statement, of two seconds at most. Undefined if nothing was ever mirrored there. */
export async function readMirrorState(pool: pg.Pool): Promise<MirrorState | undefined> {
  return await inTransaction(pool, async sql => {
    await sql.query(LIMIT_READING)
    if (!(await isMirrorThere(sql))) return undefined
    const { rows } = await sql.query<StateRow>(STATE, [entities.map(entity => entity.type)])
    const [row] = rows
    if (row === undefined) return undefined
    const { last_batch_at: lastBatchAt, ...counts } = row
    return { ...counts, lastBatchAt: lastBatchAt ?? undefined }
  })
}

/** The same over a connection of its own. */
export async function mirrorState(databaseUrl: string): Promise<MirrorState | undefined> {
  return await withConnection(databaseUrl, readMirrorState)
}
