import { BridgeError } from '../bridge-error.ts'
import { isSchemaThere } from '../is-there.ts'
import { quoted } from '../mapping/columns.ts'
import { tableDdl } from '../mapping/table-ddl.ts'
import type { Queryable } from '../postgres-client.ts'
import { mirrorSchema } from '../schema/mirror-schema.ts'
import { needsRight } from '../schema/needs-right.ts'
import type { Targets } from './rebuild-targets.ts'

/** Where new tables are filled: out of the readers' sight, under the names that they will have. */
const NEW_SCHEMA = 'divan_rebuild'

/** From here on names of tables are those of the new ones, until the transaction ends. */
export async function useNewTables(sql: Queryable): Promise<void> {
  await sql.query(`set local search_path to ${NEW_SCHEMA}`)
}

/** Makes the new tables, empty. What an earlier rebuild has left is dropped. */
export async function makeNewTables(sql: Queryable, { entities }: Targets): Promise<void> {
  const schema = await mirrorSchema(sql)
  await dropNewTables(sql)
  await needsRight('create on the database, to make new tables beside the old ones', () =>
    sql.query(`create schema ${NEW_SCHEMA}`),
  )
  await useNewTables(sql)
  for (const statement of entities.flatMap(tableDdl)) await sql.query(statement)
  await sql.query(`set local search_path to ${quoted(schema)}`)
}

/** Takes away what a rebuild has made so far. */
export async function dropNewTables(sql: Queryable): Promise<void> {
  await needsRight(`to own the schema ${NEW_SCHEMA}, or to be the user who began the rebuild`, () =>
    sql.query(`drop schema if exists ${NEW_SCHEMA} cascade`),
  )
}

/** Whether new tables of an earlier rebuild are there. */
export async function hasNewTables(sql: Queryable): Promise<boolean> {
  return await isSchemaThere(sql, NEW_SCHEMA)
}

/** Puts the new tables in the places of the old ones, with the rights that others had on these. */
export async function swapTables(sql: Queryable, targets: Targets): Promise<void> {
  await refuseLosses(sql, targets)
  const schema = quoted(await mirrorSchema(sql))
  const grants = await grantsOf(sql, targets)
  for (const table of targets.oldTables) {
    await needsRight(`to own the table ${table}`, () => sql.query(`drop table if exists ${quoted(table)}`))
  }
  for (const { table } of targets.entities) {
    await sql.query(`alter table ${NEW_SCHEMA}.${quoted(table)} set schema ${schema}`)
  }
  for (const grant of grants) await sql.query(grant)
  await sql.query(`drop schema ${NEW_SCHEMA}`)
}

/** Rights that others have on the old tables, as statements that give them on the new ones. */
async function grantsOf(sql: Queryable, { oldTables, entities }: Targets): Promise<string[]> {
  const { rows } = await sql.query<{ readonly table: string; readonly right: string; readonly to: string }>(
    `select c.relname as table, privilege_type as "right",
            case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end
            || case when is_grantable then ' with grant option' else '' end as "to"
       from pg_class c, aclexplode(c.relacl)
      where c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relname = any($1)
        and grantee <> c.relowner`,
    [oldTables],
  )
  // A table that has got another name alone keeps its rights, too.
  const [only, ...others] = entities.map(entity => entity.table)
  const names = new Set(entities.map(entity => entity.table))
  return rows.flatMap(({ table, right, to }) => {
    const target = names.has(table) ? table : others.length === 0 ? only : undefined
    return target === undefined ? [] : [`grant ${right} on table ${quoted(target)} to ${to}`]
  })
}

/** What others have built on a table would stay with the old one: that is theirs to take away and to make again. */
export async function refuseLosses(sql: Queryable, { oldTables }: Targets): Promise<void> {
  const { rows } = await sql.query<{ readonly what: string }>(LOSSES, [oldTables])
  if (rows.length === 0) return
  const list = rows.map(({ what }) => what).join(', ')
  throw new BridgeError(
    `what stands on a table does not move to the one that is made anew: ${list}. Drop this first, and make it again afterwards`,
  )
}

/** What the swap will take, asked for before anything is begun: a mirror that waits for a rebuild that cannot end is worse. */
export async function refuseMissingRights(sql: Queryable, { oldTables }: Targets): Promise<void> {
  const { rows } = await sql.query<{ readonly right: string }>(
    `select 'own the table ' || c.oid::regclass as "right" from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.oid = to_regnamespace(quote_ident(current_schema())) and c.relname = any($1)
        and not pg_has_role(c.relowner, 'usage') and not pg_has_role(n.nspowner, 'usage')
     union all select 'create tables in the schema ' || current_schema()
      where not has_schema_privilege(current_schema(), 'create')
      limit 1`,
    [oldTables],
  )
  const [missing] = rows
  if (missing === undefined) return
  throw new BridgeError(
    `to make tables anew, the user of DATABASE_URL must ${missing.right}: nothing was begun`,
  )
}

const LOSSES = `
  with old as (
    select oid from pg_class
     where relnamespace = to_regnamespace(quote_ident(current_schema())) and relname = any($1)
  )
  select 'the view ' || v.oid::regclass as what
    from pg_depend d join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
    join pg_class v on v.oid = r.ev_class
   where d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from old) and v.oid <> d.refobjid
  union select 'the row security of ' || c.oid::regclass from pg_class c
   where c.oid in (select oid from old) and (c.relrowsecurity or exists (select from pg_policy where polrelid = c.oid))
  union select 'the trigger ' || quote_ident(tgname) || ' on ' || tgrelid::regclass from pg_trigger
   where not tgisinternal and tgrelid in (select oid from old)
  union select 'the foreign key ' || quote_ident(conname) || ' of ' || conrelid::regclass from pg_constraint
   where contype = 'f' and (confrelid in (select oid from old) or conrelid in (select oid from old))
  union select 'the publication ' || quote_ident(p.pubname) from pg_publication_rel r
    join pg_publication p on p.oid = r.prpubid where r.prrelid in (select oid from old)
  order by 1`
