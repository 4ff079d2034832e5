import { parseDocId } from '../../design-docs/doc-id.ts'
import { rowId } from '../../design-docs/row-id.ts'
import { userOfDb, userUuid } from '../../design-docs/user-db.ts'
import { isUuid } from '../../design-docs/uuid.ts'

/** The namespace of a user's row ids, told from the name of his database. */
export function rowSpaceOf(databaseName: string): string {
  return userUuid(userOfDb(databaseName)?.sub ?? databaseName)
}

/** `serverId`: the id of the document's row, also before there is one. `rowSpace` is `rowSpaceOf` the user's database. */
export function serverIdOf(rowSpace: string, docId: string): string {
  return rowId(rowSpace, docId)
}

/**
 * The `clientId` by which a device is told of a document: a UUID as it was written, an id that counts the rows of a device bare to that
 * device and as `<deviceId>:<clientId>` to others. `stored` is the body's.
 */
export function shownClientId(docId: string, stored: unknown, deviceId: string): string {
  const parts = parseDocId(docId)
  if (parts === undefined) return typeof stored === 'string' ? stored : docId
  if (parts.deviceId !== undefined) return shownReference(`${parts.deviceId}:${parts.clientId}`, deviceId)
  const isSame = typeof stored === 'string' && stored.toLowerCase() === parts.clientId
  return isSame ? stored : parts.clientId
}

/** What a device is told of a reference, which is stored as its parent's id without the type: the same forms as `shownClientId`. */
export function shownReference(reference: string, deviceId: string): string {
  const isOwn = !isUuid(reference) && reference.startsWith(`${deviceId}:`)
  return isOwn ? reference.slice(deviceId.length + 1) : reference
}
