import { entities } from '../../design-docs/catalogue.ts'
import type { Entity } from '../../design-docs/entity.ts'
import { BridgeError } from '../bridge-error.ts'
import { markAllMirrored, resetCheckpoints } from '../checkpoints.ts'
import { type Column, columnsOf, quoted } from '../mapping/columns.ts'
import { columnDdl, tableDdl } from '../mapping/table-ddl.ts'
import type { Queryable } from '../postgres-client.ts'
import { needsRight } from './needs-right.ts'

/** A column as Postgres has it. */
type FoundColumn = { readonly table: string; readonly name: string; readonly type: string }

/**
 * Makes the tables of all entities where they are absent, and adds the columns that a description has gained.
 * What is more than an addition is refused: mirroring wrongly would be worse than not mirroring.
 */
export async function prepareMirrorTables(sql: Queryable): Promise<void> {
  const schema = await mirrorSchema(sql)
  const found = await findColumns(sql)
  let changed = false
  for (const entity of entities) {
    const columns = found.get(entity.table)
    const right =
      columns === undefined ? `create on the schema ${schema}` : `to own the table ${entity.table}`
    if (await needsRight(right, () => prepareTable(sql, entity, columns))) changed = true
  }
  await checkRights(sql)
  // Documents may have been mirrored before there was this table or column: all are read again.
  if (changed) {
    await resetCheckpoints(sql)
    await markAllMirrored(sql)
  }
}

async function mirrorSchema(sql: Queryable): Promise<string> {
  const { rows } = await sql.query<{ readonly schema: string | null }>('select current_schema() as schema')
  if (rows[0]?.schema) return rows[0].schema
  throw new BridgeError(
    'the user of DATABASE_URL has no schema for tables: make one that is in the search_path, or grant usage on it',
  )
}

async function findColumns(sql: Queryable): Promise<Map<string, Map<string, string>>> {
  const { rows } = await sql.query<FoundColumn>(
    `select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relname = any($1)`,
    [entities.map(entity => entity.table)],
  )
  const found = new Map<string, Map<string, string>>()
  for (const { table, name, type } of rows) {
    const columns = found.get(table) ?? new Map<string, string>()
    found.set(table, columns.set(name, type))
  }
  return found
}

/** True if the table was made or has new columns. */
async function prepareTable(
  sql: Queryable,
  entity: Entity,
  found: ReadonlyMap<string, string> | undefined,
): Promise<boolean> {
  if (found !== undefined) return await addColumns(sql, entity, found)
  for (const statement of tableDdl(entity)) await sql.query(statement)
  return true
}

async function addColumns(
  sql: Queryable,
  entity: Entity,
  found: ReadonlyMap<string, string>,
): Promise<boolean> {
  let added = false
  for (const column of columnsOf(entity)) {
    const type = found.get(column.name)
    if (type === undefined) {
      await addColumn(sql, entity, column)
      added = true
    } else if (type !== sqlType(column.type)) {
      throw new BridgeError(
        `the column ${entity.table}.${column.name} is ${type} where its description says ${sqlType(column.type)}: drop the table, and the bridge makes it anew and fills it`,
      )
    }
  }
  return added
}

async function addColumn(sql: Queryable, entity: Entity, column: Column): Promise<void> {
  if (!column.nullable && column.default === undefined) {
    throw new BridgeError(
      `the table ${entity.table} has no column ${column.name}, and its field is required: a field that is added later needs a default or is nullable`,
    )
  }
  await sql.query(`alter table ${quoted(entity.table)} add column ${columnDdl(column)}`)
}

/** The type as `format_type` writes it. */
function sqlType(type: string): string {
  return type.replace(/^varchar/, 'character varying').replace(/^timestamptz$/, 'timestamp with time zone')
}

/** Also those of the bridge's own tables: a right that is found missing later would end no start any more. */
async function checkRights(sql: Queryable): Promise<void> {
  const { rows } = await sql.query<{ readonly right: string }>(
    `select p || ' on the table ' || c.oid::regclass as "right"
       from pg_class c, unnest(array['select', 'insert', 'update', 'delete']) p
      where c.relkind in ('r', 'p') and not has_table_privilege(c.oid, p)
        and (c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relname = any($1)
          or c.relnamespace = to_regnamespace('divan') and c.relname <> 'migrations')
     union all
     select 'use the sequence divan.marks' where not has_sequence_privilege('divan.marks', 'usage')
      limit 1`,
    [entities.map(entity => entity.table)],
  )
  const [missing] = rows
  if (missing === undefined) return
  throw new BridgeError(`the user of DATABASE_URL has no right to ${missing.right}: grant it`)
}
