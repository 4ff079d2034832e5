import type { Entity } from '../../design-docs/entity.ts'
import { BridgeError } from '../bridge-error.ts'
import { columnsOf, hasOwner, quoted } from './columns.ts'
import { type RowTypeOids, rowTypeOf } from './row-type.ts'
import type { WireRows } from './wire-rows.ts'

const statements = new WeakMap<Entity, string>()

/**
 * The statement that inserts or replaces rows. Its one parameter is an array of them, made by `rowsParameter`, so that any
 * number of rows is one statement with one plan.
 */
export function upsertSql(entity: Entity): string {
  const statement = statements.get(entity) ?? makeUpsert(entity)
  statements.set(entity, statement)
  return statement
}

function makeUpsert(entity: Entity): string {
  const names = columnsOf(entity).map(column => quoted(column.name))
  const replaced = names.filter(name => name !== '"id"').map(name => `  ${name} = excluded.${name}`)
  const rows = `unnest($1::divan.${rowTypeOf(entity).name}[])`
  const select = names.map(name => `r.${name}`).join(', ')
  // A statement that meets an id twice fails as a whole: of two accounts that name one user the last one counts.
  const once = `select distinct on (r."id") ${select}\nfrom ${rows} with ordinality as r order by r."id", r.ordinality desc`
  return [
    `insert into ${quoted(entity.table)} (${names.join(', ')})`,
    entity.identity === 'account' ? once : `select ${select}\nfrom ${rows} as r`,
    `on conflict ("id") do update set\n${replaced.join(',\n')}`,
  ].join('\n')
}

/** Some of the rows that were written for a table: from one to before another. */
export type RowRange = { readonly rows: WireRows; readonly from: number; readonly to: number }

/** Rows as the parameter of an upsert. */
export function rowsParameter(entity: Entity, { rows, from, to }: RowRange, types: RowTypeOids): Buffer {
  const oid = types.get(rowTypeOf(entity).name)
  if (oid === undefined)
    throw new BridgeError(`Postgres has no type divan.${rowTypeOf(entity).name}: start the bridge again`)
  return rows.array(oid, from, to)
}

/**
 * The statement that removes every row of some documents. Its one parameter is a list of
 * `{"user_id", "doc_id"}` as JSON text; for accounts, whose ids are those of one database, `doc_id` is enough.
 */
export function deleteDocsSql(entity: Entity): string {
  const sameOwner = hasOwner(entity) ? ' and t."user_id" = d.user_id' : ''
  return [
    `delete from ${quoted(entity.table)} t`,
    'using json_to_recordset($1::json) as d(user_id uuid, doc_id text)',
    `where t."doc_id" = d.doc_id${sameOwner}`,
  ].join('\n')
}
