import { checkDoc } from '../../design-docs/check-doc.ts'
import { type Entity, keepsDeletedRows } from '../../design-docs/entity.ts'
import { memberOf } from '../../design-docs/json-object.ts'
import { fitsAppFloat } from './app-float.ts'
import { serverIdOf, shownClientId, shownReference } from './identity.ts'
import type { ShownVersion } from './shown-version.ts'

/** For whom a row is written. */
export type RowReader = {
  readonly deviceId: string
  /** See identity.ts. */
  readonly rowSpace: string
}

/**
 * A document as the app has it: all fields of its message, with defaults for what no client ever said, ids as this device knows them.
 * Undefined for what the app could not read: a document that does not fit its description, one with a number beyond the app's own, and a
 * deleted one that has no mark for that.
 */
export function pullRow(entity: Entity, shown: ShownVersion, reader: RowReader): object | undefined {
  const { id, members, deleted } = shown
  if (deleted && !keepsDeletedRows(entity)) return undefined
  if (checkDoc(entity, { ...members, _id: id }).length > 0) return undefined
  const row: { [member: string]: unknown } = {
    clientId: shownClientId(id, members.clientId, reader.deviceId),
  }
  if (entity.identity !== 'singleton') row.serverId = serverIdOf(reader.rowSpace, id)
  for (const [name, field] of Object.entries(entity.fields)) {
    if (field.inMessages === false || name === 'clientId') continue
    const value = memberOf(members, name) ?? field.default ?? null
    if (!fitsAppFloat(field, value)) return undefined
    const isReference = field.kind === 'reference' && typeof value === 'string'
    row[name] = isReference ? shownReference(value, reader.deviceId) : value
  }
  return row
}
