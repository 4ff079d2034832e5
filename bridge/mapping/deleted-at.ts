import { deletedAt } from '../../design-docs/base-fields.ts'
import { checkValue } from '../../design-docs/check-value.ts'
import { isJsonObject, memberOf } from '../../design-docs/json-object.ts'

/** When a document was deleted: as its tombstone says, else when the server took the deletion. */
export function deletedAtOf(tombstone: unknown, changedAt: number): number {
  const said = isJsonObject(tombstone) ? memberOf(tombstone, 'deletedAt') : undefined
  return typeof said === 'number' && checkValue(deletedAt, said) === undefined ? said : changedAt
}
