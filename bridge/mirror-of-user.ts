import { entities } from '../design-docs/catalogue.ts'
import { type Entity, keepsDeletedRows } from '../design-docs/entity.ts'
import { metricsDbName, userDbName, userUuid } from '../design-docs/user-db.ts'
import { isMissingDatabase, readChanges } from './changes-feed.ts'
import { couchClient } from './couch-client.ts'
import { isTableThere } from './is-there.ts'
import { hasOwner, quoted } from './mapping/columns.ts'
import { type Queryable, withConnection } from './postgres-client.ts'

/** What one table holds of a user. */
export type TableSummary = {
  readonly table: string
  readonly rows: number
  /** Those of them that are marked as deleted. */
  readonly deletedRows: number
  /** One of the rows, by column. */
  readonly sample: Record<string, unknown> | undefined
}

/** What the mirror holds of a user (the `sub` of his tokens), table by table, parents before children. */
export async function tablesOfUser(databaseUrl: string, userSub: string): Promise<readonly TableSummary[]> {
  return await withConnection(databaseUrl, async sql => {
    const tables: TableSummary[] = []
    for (const entity of entities) tables.push(await summarize(sql, entity, userUuid(userSub)))
    return tables
  })
}

async function summarize(sql: Queryable, entity: Entity, userId: string): Promise<TableSummary> {
  const table = quoted(entity.table)
  if (!(await isTableThere(sql, table)))
    return { table: entity.table, rows: 0, deletedRows: 0, sample: undefined }
  const owned = `from ${table} where ${hasOwner(entity) ? 'user_id' : 'id'} = $1`
  const deleted = keepsDeletedRows(entity) ? 'count(deleted_at)' : '0'
  const counted = await sql.query<{ readonly count: string; readonly deleted: string }>(
    `select count(*) as count, ${deleted} as deleted ${owned}`,
    [userId],
  )
  const sampled = await sql.query<Record<string, unknown>>(`select * ${owned} order by id limit 1`, [userId])
  const { count, deleted: marked } = counted.rows[0] ?? { count: 0, deleted: 0 }
  return { table: entity.table, rows: Number(count), deletedRows: Number(marked), sample: sampled.rows[0] }
}

export type MirrorOfUser = {
  readonly serverUrl: string
  readonly databaseUrl: string
  readonly userSub: string
}

/**
 * Whether the mirror has every change of a user's databases that the server has acknowledged by now. Asks the server
 * what comes after the mirror's cursor: two sequences that differ as text may still be the same place.
 */
export async function isCaughtUp({ serverUrl, databaseUrl, userSub }: MirrorOfUser): Promise<boolean> {
  const client = couchClient(serverUrl)
  const signal = AbortSignal.timeout(30_000)
  const databases = [userDbName(userSub), metricsDbName(userSub)]
  const cursors = await cursorsOf(databaseUrl, databases)
  for (const database of databases) {
    try {
      const since = cursors.get(database)
      const { changes, rewound } = await readChanges(client, { database, since, limit: 1, signal })
      if (changes.length > 0 || rewound) return false
    } catch (error) {
      if (!isMissingDatabase(error)) throw error
    }
  }
  return true
}

async function cursorsOf(databaseUrl: string, databases: readonly string[]): Promise<Map<string, string>> {
  return await withConnection(databaseUrl, async sql => {
    const { rows } = await sql.query<{ readonly database: string; readonly cursor: string }>(
      'select database, cursor from divan.checkpoints where database = any($1) and cursor is not null',
      [databases],
    )
    return new Map(rows.map(row => [row.database, row.cursor]))
  })
}
