import type { Entity } from '../../design-docs/entity.ts'
import { columnsOf, hasOwner, quoted } from './columns.ts'
import type { Row } from './row.ts'

/**
 * The statement that inserts or replaces rows. Its one parameter is made by `rowsParameter`, so that any
 * number of rows is one statement with one plan.
 */
export function upsertSql(entity: Entity): string {
  const columns = columnsOf(entity)
  const names = columns.map(column => quoted(column.name))
  const types = columns.map(column => `${quoted(column.name)} ${column.type}`)
  const replaced = names.filter(name => name !== '"id"').map(name => `  ${name} = excluded.${name}`)
  return [
    `insert into ${quoted(entity.table)} (${names.join(', ')})`,
    `select ${names.map(name => `r.${name}`).join(', ')}`,
    `from json_to_recordset($1::json) as r(${types.join(', ')})`,
    `on conflict ("id") do update set\n${replaced.join(',\n')}`,
  ].join('\n')
}

/**
 * Rows as the parameter of an upsert. An upsert that meets an id twice fails as a whole, so the last row of an
 * id stands for all, as it would if each came alone: two accounts may name one user.
 */
export function rowsParameter(rows: readonly Row[]): string {
  return JSON.stringify([...new Map(rows.map(row => [row.id, row])).values()])
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
