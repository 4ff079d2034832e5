import { checkId } from '../../design-docs/check-id.ts'
import { checkText, checkValue } from '../../design-docs/check-value.ts'
import {
  type Entity,
  type Field,
  type Fields,
  isRequired,
  MAX_ID_LENGTH,
  MAX_LIST_ROWS,
} from '../../design-docs/entity.ts'
import { isJsonObject, type JsonObject, memberOf } from '../../design-docs/json-object.ts'
import { listRowId, rowId } from '../../design-docs/row-id.ts'
import { columnsOf, columnType, hasOwner } from './columns.ts'
import { oidOf, type WireRows } from './wire-rows.ts'

/** A version of a document to be shown as rows. */
export interface DocVersion {
  /** The owner, by his id in Postgres. An account is its own owner: there it is not looked at. */
  readonly userUuid: string
  /** A document that was parsed from JSON: all its members are its own. */
  readonly doc: JsonObject
  readonly rev: string
  /** The update seq of the change that brought it, as the server wrote it. */
  readonly seq: string
}

/**
 * Writes the rows of a document: one, or one for each object of its list. False, and nothing is written, where the document
 * does not fit its description: that is so exactly where `checkDoc` finds a problem, which then says what it is. Each
 * member is looked at once, to be checked and written.
 */
export function writeRows(rows: WireRows, entity: Entity, version: DocVersion): boolean {
  const before = rows.count
  const fits = checkId(entity, version.doc) === undefined && writeFitting(rows, entity, version)
  if (!fits) rows.truncate(before)
  return fits
}

function writeFitting(rows: WireRows, entity: Entity, version: DocVersion): boolean {
  const { userUuid, doc } = version
  const rev = memberOf(doc, '_rev')
  if (rev !== undefined && rev !== version.rev && checkText(rev, undefined) !== undefined) return false
  if (entity.rows !== undefined) return writeList(rows, entity, version)
  const shape = shapeOf(entity)
  rows.begin(shape.columns)
  const id = entity.identity === 'account' ? memberOf(doc, 'userId') : rowId(userUuid, String(doc._id))
  if (typeof id !== 'string' || !rows.uuid(id)) return false
  if (shape.hasOwner) rows.uuid(userUuid)
  return writeFields(rows, shape.fields, doc) && writeSource(rows, version)
}

/** A document without objects in its list has no row, but is checked all the same. */
function writeList(rows: WireRows, entity: Entity, version: DocVersion): boolean {
  const { userUuid, doc } = version
  const shape = shapeOf(entity)
  const list = doc[shape.list]
  if (!Array.isArray(list) || list.length > MAX_LIST_ROWS) return false
  const before = rows.count
  for (let index = 0; index < Math.max(list.length, 1); index++) {
    const item: unknown = list[index]
    rows.begin(shape.columns)
    rows.uuid(listRowId(userUuid, String(doc._id), index))
    rows.uuid(userUuid)
    if (!writeFields(rows, shape.fields, doc)) return false
    if (list.length === 0) break
    if (!isJsonObject(item) || !writeFields(rows, shape.listFields, item)) return false
    if (!writeSource(rows, version)) return false
  }
  if (list.length === 0) rows.truncate(before)
  return true
}

function writeSource(rows: WireRows, { doc, rev, seq }: DocVersion): boolean {
  const fits = rows.text(TEXT, String(doc._id)) && rows.text(TEXT, rev) && rows.text(TEXT, seq)
  if (fits) rows.end()
  return fits
}

const TEXT = oidOf('text')

/** A field as the loop over a document's members needs it. */
interface WireField {
  readonly member: string
  readonly kind: Field['kind']
  readonly oid: number
  readonly isRequired: boolean
  readonly inTable: boolean
  readonly maxLength: number
  readonly pattern: RegExp | undefined
  /** What stands for an absent value. */
  readonly absent: string | number | boolean | undefined
  readonly field: Field
}

/** What an entity's description means for its rows. */
interface Shape {
  readonly columns: number
  readonly hasOwner: boolean
  readonly fields: readonly WireField[]
  readonly list: string
  readonly listFields: readonly WireField[]
}

const shapes = new WeakMap<Entity, Shape>()

/** Descriptions are constants, and rows come by the thousand: thought over once. */
function shapeOf(entity: Entity): Shape {
  const known = shapes.get(entity)
  if (known !== undefined) return known
  const made: Shape = {
    columns: columnsOf(entity).length,
    hasOwner: hasOwner(entity),
    fields: wireFields(entity.fields),
    list: entity.rows?.member ?? '',
    listFields: wireFields(entity.rows?.fields ?? {}),
  }
  shapes.set(entity, made)
  return made
}

function wireFields(fields: Fields): WireField[] {
  return Object.entries(fields).map(([member, field]) => ({
    member,
    kind: field.kind,
    oid: oidOf(columnType(field)),
    isRequired: isRequired(field),
    inTable: field.inTable !== false,
    maxLength: field.kind === 'reference' ? MAX_ID_LENGTH : maxLengthOf(field),
    pattern: field.kind === 'text' && field.pattern !== undefined ? new RegExp(field.pattern) : undefined,
    absent: field.default,
    field,
  }))
}

function maxLengthOf(field: Field): number {
  return (field.kind === 'text' ? field.maxLength : undefined) ?? Infinity
}

function writeFields(rows: WireRows, fields: readonly WireField[], object: JsonObject): boolean {
  for (const field of fields) {
    const value = object[field.member]
    const isAbsent = value === undefined || value === null
    if (!(isAbsent ? writeAbsent(rows, field) : writeValue(rows, field, value))) return false
  }
  return true
}

function writeAbsent(rows: WireRows, field: WireField): boolean {
  if (field.isRequired) return false
  if (field.absent !== undefined) return writeValue(rows, field, field.absent)
  if (field.inTable) rows.null(field.oid)
  return true
}

function writeValue(rows: WireRows, field: WireField, value: unknown): boolean {
  if (!field.inTable) return checkValue(field.field, value) === undefined
  switch (field.kind) {
    case 'text':
    case 'reference':
      return typeof value === 'string' && writeText(rows, field, value)
    case 'uuid':
      return typeof value === 'string' && rows.uuid(value)
    case 'boolean':
      if (typeof value !== 'boolean') return false
      rows.boolean(value)
      return true
    default:
      return typeof value === 'number' && writeNumber(rows, field, value)
  }
}

function writeText(rows: WireRows, { oid, maxLength, pattern }: WireField, value: string): boolean {
  // Postgres counts characters, of which there are never more than UTF-16 units.
  if (value.length > maxLength && checkText(value, maxLength) !== undefined) return false
  if (pattern !== undefined && !pattern.test(value)) return false
  return rows.text(oid, value)
}

function writeNumber(rows: WireRows, { kind, field }: WireField, value: number): boolean {
  if (checkValue(field, value) !== undefined) return false
  if (kind === 'integer') rows.integer(value)
  else if (kind === 'long') rows.long(value)
  else if (kind === 'time') rows.time(value)
  else rows.float(value)
  return true
}
