import { uuidV5 } from './uuid.ts'

/**
 * The `id` of a document's row, which REST clients know as `serverId`. It follows from the user and the
 * document alone, so it can be told before the row exists, and a rebuilt mirror has the same ids.
 */
export function rowId(userUuid: string, docId: string): string {
  return uuidV5(userUuid, docId)
}

/** The `id` of one of several rows of a document. */
export function listRowId(userUuid: string, docId: string, index: number): string {
  return rowId(userUuid, `${docId}#${index}`)
}
