import type { Entity } from '../../design-docs/entity.ts'
import { type Column, columnsOf, hasOwner, quoted } from './columns.ts'

/**
 * The statements that make an entity's table, its indexes and its comments; harmless where they exist.
 * Nothing but `id` is unique and references are no foreign keys: two phones' records `1` are two rows, and a
 * child may arrive before its parent.
 */
export function tableDdl(entity: Entity): string[] {
  return [createTable(entity), ...createIndexes(entity), ...comments(entity)]
}

function createTable(entity: Entity): string {
  const lines = columnsOf(entity).map(column => `  ${columnDdl(column)}`)
  return `create table if not exists ${quoted(entity.table)} (\n${lines.join(',\n')}\n)`
}

/** A column as `create table` and `alter table` write it. */
export function columnDdl(column: Column): string {
  if (column.name === 'id' && column.field === undefined) return '"id" uuid primary key'
  const nullability = column.nullable ? '' : ' not null'
  const value = column.default === undefined ? '' : ` default ${literal(column.default)}`
  return `${quoted(column.name)} ${column.type}${nullability}${value}`
}

/** By owner and document, by owner and parent, by owner and time of change. */
function createIndexes(entity: Entity): string[] {
  const owner = hasOwner(entity) ? ['user_id'] : []
  return indexedColumns(entity).map(columns => {
    const name = [entity.table, ...columns, 'index'].join('_')
    const list = [...owner, ...columns].map(quoted).join(', ')
    return `create index if not exists ${quoted(name)} on ${quoted(entity.table)} (${list})`
  })
}

function indexedColumns(entity: Entity): string[][] {
  const columns = columnsOf(entity)
  const references = columns.filter(column => column.field?.kind === 'reference').map(column => column.name)
  const within =
    entity.rows !== undefined && columns.some(column => column.name === 'timestamp') ? ['timestamp'] : []
  const others = ['updated_at', 'email'].filter(name => columns.some(column => column.name === name))
  return [['doc_id'], ...references.map(name => [name, ...within]), ...others.map(name => [name])]
}

function comments(entity: Entity): string[] {
  const table = quoted(entity.table)
  return [
    `comment on table ${table} is ${literal(entity.about)}`,
    ...columnsOf(entity).flatMap(column => {
      const text = commentOf(column)
      return text === undefined
        ? []
        : [`comment on column ${table}.${quoted(column.name)} is ${literal(text)}`]
    }),
  ]
}

const FIXED_COMMENTS: { readonly [name: string]: string } = {
  user_id: 'whose row it is: the id of a row of users, which may not exist',
  doc_id: 'the _id of the document',
  rev: 'the revision of the document that the row shows',
  update_seq: 'where in the changes of its database the document was',
}

function commentOf(column: Column): string | undefined {
  if (column.field === undefined) return FIXED_COMMENTS[column.name]
  if (column.field.kind === 'reference')
    return `the _id of a document of type ${column.field.to}, without its type`
  if (column.name === 'deleted_at') return 'set on what is deleted; the row stays'
  return undefined
}

/** A value as SQL writes it. */
export function literal(value: string | number | boolean): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
}
