import { type Entity, type Field, type Fields, keepsDeletedRows } from '../../design-docs/entity.ts'
import { isJsonObject, type JsonObject, memberOf } from '../../design-docs/json-object.ts'
import { listRowId, rowId } from '../../design-docs/row-id.ts'
import { mappedFields } from './columns.ts'
import { timestamptzText } from './timestamptz.ts'

/** A row as JSON: its columns by name. */
export type Row = { readonly [column: string]: string | number | boolean | null }

/** A version of a document to be shown as rows. */
export interface DocVersion {
  /** The owner, by his id in Postgres. An account is its own owner: there it is not looked at. */
  readonly userUuid: string
  /** A document in which the check found no problem. */
  readonly doc: JsonObject
  readonly rev: string
  /** The update seq of the change that brought it, as the server wrote it. */
  readonly seq: string | number
  /** When it was deleted, for the last body of a deleted document. Else the document's own mark is shown. */
  readonly deletedAt?: number | undefined
}

/** The rows of a document: one, or one for each object of its list. */
export function rowsOf(entity: Entity, version: DocVersion): Row[] {
  const { userUuid, doc, rev, seq } = version
  const docId = String(memberOf(doc, '_id'))
  const source = { doc_id: docId, rev, update_seq: String(seq) }
  const columns = { ...columnsFrom(entity.fields, doc), ...deletionOf(entity, version) }
  if (entity.identity === 'account') {
    return [{ id: String(memberOf(doc, 'userId')).toLowerCase(), ...columns, ...source }]
  }
  if (entity.rows === undefined) {
    return [{ id: rowId(userUuid, docId), user_id: userUuid, ...columns, ...source }]
  }
  const { member, fields } = entity.rows
  return listOf(doc, member).map((item, index) => ({
    id: listRowId(userUuid, docId, index),
    user_id: userUuid,
    ...columns,
    ...columnsFrom(fields, item),
    ...source,
  }))
}

function deletionOf(entity: Entity, { deletedAt }: DocVersion): Row {
  if (deletedAt === undefined || !keepsDeletedRows(entity)) return {}
  return { deleted_at: timestamptzText(deletedAt) }
}

function columnsFrom(fields: Fields, object: JsonObject): Row {
  const columns: Record<string, string | number | boolean | null> = {}
  for (const { member, column, field } of mappedFields(fields)) {
    columns[column] = columnValue(field, memberOf(object, member))
  }
  return columns
}

/** The value as JSON that Postgres reads without loss; what is absent becomes its default, or null. */
function columnValue(field: Field, value: unknown): string | number | boolean | null {
  if (field.kind === 'time' && typeof value === 'number') return timestamptzText(value)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return field.default ?? null
}

function listOf(doc: JsonObject, member: string): JsonObject[] {
  const list = memberOf(doc, member)
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}
