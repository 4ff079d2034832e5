import type { Entity, Field, Fields } from '../../design-docs/entity.ts'
import { columnName } from './column-name.ts'

/** A column and where its values come from. */
export interface Column {
  readonly name: string
  /** Its Postgres type. */
  readonly type: string
  readonly nullable: boolean
  readonly default: string | number | boolean | undefined
  /** The field it shows; undefined for the columns that every table has. */
  readonly field: Field | undefined
}

const id: Column = fixedColumn('id', 'uuid')
const userId: Column = fixedColumn('user_id', 'uuid')
const docColumns: readonly Column[] = ['doc_id', 'rev', 'update_seq'].map(name => fixedColumn(name, 'text'))

/** All columns of an entity's table, in order. The accounts are the users: their id is no `user_id`. */
export function columnsOf(entity: Entity): readonly Column[] {
  const owner = hasOwner(entity) ? [id, userId] : [id]
  return [...owner, ...fieldColumns(entity.fields), ...fieldColumns(entity.rows?.fields ?? {}), ...docColumns]
}

/** Whether the rows belong to a user, instead of being users. */
export function hasOwner(entity: Entity): boolean {
  return entity.database !== 'accounts'
}

/** A name as Postgres takes it: columns such as `timestamp` and `position` are words of SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function fixedColumn(name: string, type: string): Column {
  return { name, type, nullable: false, default: undefined, field: undefined }
}

/** A member of documents that has a column. */
export interface MappedField {
  readonly member: string
  readonly column: string
  readonly field: Field
}

const mapped = new WeakMap<Fields, readonly MappedField[]>()

/** The fields that have columns. Descriptions are constants, and rows come by the thousand: named once. */
export function mappedFields(fields: Fields): readonly MappedField[] {
  const known = mapped.get(fields)
  if (known !== undefined) return known
  const made = Object.entries(fields)
    .filter(([, field]) => field.inTable !== false)
    .map(([member, field]) => ({ member, column: columnName(member), field }))
  mapped.set(fields, made)
  return made
}

function fieldColumns(fields: Fields): Column[] {
  return mappedFields(fields).map(({ column, field }) => ({
    name: column,
    type: columnType(field),
    nullable: field.nullable === true,
    default: field.default,
    field,
  }))
}

/** The Postgres type of the values of a field. */
export function columnType(field: Field): string {
  switch (field.kind) {
    case 'text':
      return field.maxLength === undefined ? 'text' : `varchar(${field.maxLength})`
    case 'reference':
      return 'text'
    case 'integer':
      return 'integer'
    case 'long':
      return 'bigint'
    case 'float':
      return 'double precision'
    case 'boolean':
      return 'boolean'
    case 'time':
      return 'timestamptz'
    case 'uuid':
      return 'uuid'
  }
}
