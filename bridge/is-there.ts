import type { Queryable } from './postgres-client.ts'

/** Whether there is such a table: a name as SQL writes it, looked for where statements would find it. */
export async function isTableThere(sql: Queryable, table: string): Promise<boolean> {
  return await isThere(sql, 'to_regclass', table)
}

export async function isSchemaThere(sql: Queryable, schema: string): Promise<boolean> {
  return await isThere(sql, 'to_regnamespace', schema)
}

/** Whether a bridge has ever made a mirror in this Postgres. */
export async function isMirrorThere(sql: Queryable): Promise<boolean> {
  return await isTableThere(sql, 'divan.dead_letters')
}

async function isThere(sql: Queryable, find: string, name: string): Promise<boolean> {
  const { rows } = await sql.query<{ readonly is_there: boolean }>(
    `select ${find}($1) is not null as is_there`,
    [name],
  )
  return rows[0]?.is_there === true
}
