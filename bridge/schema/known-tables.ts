import type { Entity } from '../../design-docs/entity.ts'
import type { Queryable } from '../postgres-client.ts'

/** The tables of these entities, each with its oid: a number that Postgres gives when it makes a table. */
const TABLES = `
  select relname as name, oid::text from pg_class
   where relnamespace = to_regnamespace(quote_ident(current_schema())) and relname = any($1)`

/**
 * Whether there are tables here that no bridge has made, beside a record of others: they, or the bridge's own tables, came from a
 * dump. What the checkpoints tell is then perhaps told of other rows than these: a dump may have been given back in parts.
 *
 * Nothing in the tables themselves could tell: that all are empty is so in a new mirror, too, and rows are counted nowhere, for
 * that would be one more row that all batches write.
 */
export async function areOthersTables(sql: Queryable, catalogue: readonly Entity[]): Promise<boolean> {
  const { rows } = await sql.query(
    `select from (${TABLES}) t join divan.descriptions d on d.tables ? t.name and d.tables ->> t.name <> t.oid limit 1`,
    [namesOf(catalogue)],
  )
  return rows.length > 0
}

/** Records that these tables, as they are now, are those that are mirrored into. What is recorded of others stays. */
export async function recordTables(sql: Queryable, catalogue: readonly Entity[]): Promise<void> {
  await sql.query(
    `update divan.descriptions d set tables = coalesce(d.tables, '{}') || known.tables
       from (select jsonb_object_agg(name, oid) as tables from (${TABLES}) t) known
      where not coalesce(d.tables, '{}') @> known.tables`,
    [namesOf(catalogue)],
  )
}

function namesOf(catalogue: readonly Entity[]): readonly string[] {
  return catalogue.map(entity => entity.table)
}
