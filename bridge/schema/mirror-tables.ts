import type { Entity } from '../../design-docs/entity.ts'
import { BridgeError } from '../bridge-error.ts'
import { resetCheckpoints } from '../checkpoints.ts'
import { type Described, describe, describeAll, fingerprintOf } from '../descriptions/described.ts'
import { differenceOf } from '../descriptions/difference.ts'
import { RebuildUnderWay } from '../descriptions/rebuild-under-way.ts'
import { lockShape, type RecordedDescriptions, readRecord, writeRecord } from '../descriptions/record.ts'
import { forgetFeedPlace } from '../feed-place.ts'
import { type Column, columnsOf, quoted } from '../mapping/columns.ts'
import { makeRowTypes } from '../mapping/row-type.ts'
import { columnDdl, literal, tableDdl } from '../mapping/table-ddl.ts'
import { markAllMirrored } from '../marks.ts'
import type { Queryable } from '../postgres-client.ts'
import { areOthersTables, recordTables } from './known-tables.ts'
import { mirrorSchema } from './mirror-schema.ts'
import { needsRight } from './needs-right.ts'

/** A column as Postgres has it. */
type FoundColumn = { readonly table: string; readonly name: string; readonly type: string }

/**
 * Makes the tables of all entities where they are absent, and extends those whose descriptions have gained something.
 * What is more than that is refused: mirroring wrongly would be worse than not mirroring. True if the tables came from a dump.
 */
export async function prepareMirrorTables(sql: Queryable, catalogue: readonly Entity[]): Promise<boolean> {
  const schema = await mirrorSchema(sql)
  const record = await readRecord(sql)
  const described = describeAll(catalogue)
  refuseOtherDescriptions(record, described)
  const isRecorded = fingerprintOf(record?.described ?? []) === fingerprintOf(described)
  const areOthers = await areOthersTables(sql, catalogue)
  if (!isRecorded || areOthers) await lockShape(sql)
  await needsRight('create on the schema divan', () => makeRowTypes(sql, catalogue))
  const found = await findColumns(sql, catalogue)
  let changed = false
  for (const entity of catalogue) {
    const columns = found.get(entity.table)
    const right =
      columns === undefined ? `create on the schema ${schema}` : `to own the table ${entity.table}`
    const before = record?.described.find(({ type }) => type === entity.type)
    if (await needsRight(right, () => prepareTable(sql, entity, { columns, before }))) changed = true
  }
  await checkRights(sql, catalogue)
  if (!isRecorded) await writeRecord(sql, described)
  // Documents may have been mirrored before there was this table or column: all are read again.
  if (changed || areOthers) {
    await resetCheckpoints(sql)
    await markAllMirrored(sql)
  }
  if (areOthers) await forgetFeedPlace(sql)
  await recordTables(sql, catalogue)
  return areOthers
}

/** Ends a start with descriptions that the tables cannot be extended to. One line names all that is to be done. */
function refuseOtherDescriptions(
  record: RecordedDescriptions | undefined,
  described: readonly Described[],
): void {
  if (record === undefined) return
  const fingerprint = fingerprintOf(described)
  if (record.rebuilding?.startsWith(fingerprint)) throw new RebuildUnderWay()
  if (record.rebuilding !== undefined) throw new BridgeError(OTHER_REBUILD)
  const reasons = refusals(record.described, described)
  if (reasons.length > 0) {
    throw new BridgeError(
      `${reasons.join('; ')}. This bridge mirrors nothing; those with the descriptions of the tables go on. If this version is the newer one, npx divan rebuild makes anew what differs; if not, run the newer one`,
    )
  }
  if (record.superseded.includes(fingerprint)) throw new BridgeError(SUPERSEDED)
}

const OTHER_REBUILD =
  'npx divan rebuild is making tables anew for other descriptions than this bridge has: run the version that has them; or npx divan rebuild cancel gives that up, and npx divan rebuild goes to these'

const SUPERSEDED =
  'a newer bridge has mirrored with other descriptions since this one: run that version, or npx divan rebuild to go back to these descriptions'

function refusals(recorded: readonly Described[], described: readonly Described[]): string[] {
  return recorded.flatMap(before => {
    const mine = described.find(({ type }) => type === before.type)
    if (mine === undefined)
      return [`no description here is of ${before.table}: it was removed, or this bridge is older`]
    const difference = differenceOf(before, mine)
    return typeof difference === 'string' ? [] : [`of ${mine.table}, ${difference.refused}`]
  })
}

async function findColumns(
  sql: Queryable,
  catalogue: readonly Entity[],
): Promise<Map<string, Map<string, string>>> {
  const { rows } = await sql.query<FoundColumn>(
    `select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relname = any($1)`,
    [catalogue.map(entity => entity.table)],
  )
  const found = new Map<string, Map<string, string>>()
  for (const { table, name, type } of rows) {
    const columns = found.get(table) ?? new Map<string, string>()
    found.set(table, columns.set(name, type))
  }
  return found
}

/** What there is of a table: its columns, and the description that its rows were made by. */
type Before = {
  readonly columns: ReadonlyMap<string, string> | undefined
  readonly before: Described | undefined
}

/** True if documents are to be read again: the table was made or extended. */
async function prepareTable(sql: Queryable, entity: Entity, { columns, before }: Before): Promise<boolean> {
  const difference = before === undefined ? 'nothing' : differenceOf(before, describe(entity))
  if (columns === undefined) {
    for (const statement of tableDdl(entity)) await sql.query(statement)
    return true
  }
  if (difference === 'reading') await widenColumns(sql, entity, columns)
  const added = await addColumns(sql, entity, columns)
  if (!added && difference === 'nothing') return false
  // Also the indexes and comments of what is new.
  for (const statement of tableDdl(entity)) await sql.query(statement)
  return true
}

/** The columns that there are already take the types and defaults of their fields, and null if these do. */
async function widenColumns(
  sql: Queryable,
  entity: Entity,
  columns: ReadonlyMap<string, string>,
): Promise<void> {
  for (const column of columnsOf(entity)) {
    if (column.field === undefined || !columns.has(column.name)) continue
    const isOfType = columns.get(column.name) === sqlType(column.type)
    const changes = [
      // Postgres refuses even the same type where a view shows the column.
      ...(isOfType ? [] : [`type ${column.type}`]),
      column.default === undefined ? 'drop default' : `set default ${literal(column.default)}`,
      ...(column.nullable ? ['drop not null'] : []),
    ]
    const list = changes.map(change => `alter column ${quoted(column.name)} ${change}`).join(', ')
    await sql.query(`alter table ${quoted(entity.table)} ${list}`)
  }
}

async function addColumns(
  sql: Queryable,
  entity: Entity,
  found: ReadonlyMap<string, string>,
): Promise<boolean> {
  // Read again: a column may just have been widened.
  const columns = (await findColumns(sql, [entity])).get(entity.table) ?? found
  let added = false
  for (const column of columnsOf(entity)) {
    const type = columns.get(column.name)
    if (type === undefined) {
      await addColumn(sql, entity, column)
      added = true
    } else if (type !== sqlType(column.type)) {
      throw new BridgeError(
        `the column ${entity.table}.${column.name} is ${type} where its description says ${sqlType(column.type)}: npx divan rebuild ${entity.table} makes the table anew`,
      )
    }
  }
  return added
}

async function addColumn(sql: Queryable, entity: Entity, column: Column): Promise<void> {
  if (!column.nullable && column.default === undefined) {
    throw new BridgeError(
      `the table ${entity.table} has no column ${column.name}, and its field is required: a field that is added later needs a default or is nullable. If all documents have it: npx divan rebuild ${entity.table}`,
    )
  }
  await sql.query(`alter table ${quoted(entity.table)} add column ${columnDdl(column)}`)
}

/** The type as `format_type` writes it. */
function sqlType(type: string): string {
  return type.replace(/^varchar/, 'character varying').replace(/^timestamptz$/, 'timestamp with time zone')
}

/** Also those of the bridge's own tables: a right that is found missing later would end no start any more. */
export async function checkRights(sql: Queryable, catalogue: readonly Entity[]): Promise<void> {
  const { rows } = await sql.query<{ readonly right: string }>(
    `select p || ' on the table ' || c.oid::regclass as "right"
       from pg_class c, unnest(array['select', 'insert', 'update', 'delete']) p
      where c.relkind in ('r', 'p') and not has_table_privilege(c.oid, p)
        and (c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relname = any($1)
          or c.relnamespace = to_regnamespace('divan') and c.relname <> 'migrations')
     union all
     select 'use the sequence divan.marks' where not has_sequence_privilege('divan.marks', 'usage')
      limit 1`,
    [catalogue.map(entity => entity.table)],
  )
  const [missing] = rows
  if (missing === undefined) return
  throw new BridgeError(`the user of DATABASE_URL has no right to ${missing.right}: grant it`)
}
