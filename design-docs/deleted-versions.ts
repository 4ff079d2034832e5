import { deletedAt, updatedAt } from './base-fields.ts'
import { checkValue } from './check-value.ts'
import { type Entity, keepsDeletedRows } from './entity.ts'
import { type JsonObject, memberOf } from './json-object.ts'

/** What is known of a deleted document. */
export type Deletion = {
  /** What the tombstone says: all of the document, if an app deleted it by a mark; next to nothing, if a client that replicates did. */
  readonly tombstone: JsonObject
  readonly lastLive: JsonObject
  /** When the server took the document's last change, in epoch milliseconds. */
  readonly time: number
}

/**
 * What rows and messages may show of a deleted document, the best one first; the first that fits the description is shown. `updatedAt`
 * is filled, and `deletedAt` where the entity has it: a row is to say when it went, and who compares times must find the deletion newer
 * than what it deleted.
 */
export function deletedVersions(entity: Entity | undefined, deletion: Deletion): readonly JsonObject[] {
  const { tombstone, lastLive, time } = deletion
  const { deletedAt, updatedAt } = deletionMarks(tombstone, time, timeSaid(lastLive, 'updatedAt'))
  const marks = entity !== undefined && keepsDeletedRows(entity) ? { deletedAt, updatedAt } : { updatedAt }
  return [tombstone, { ...lastLive, ...tombstone }, lastLive].map(members => ({ ...members, ...marks }))
}

/**
 * The two times of a deletion. A tombstone that was made as a mark says when it was written. Of any other, whoever compares must find that
 * it came after what it deleted.
 */
export function deletionMarks(tombstone: JsonObject, time: number, lastUpdatedAt = 0) {
  const [deletedAt, updatedAt] = [timeSaid(tombstone, 'deletedAt'), timeSaid(tombstone, 'updatedAt')]
  const isMark = deletedAt !== undefined && updatedAt !== undefined
  const newest = isMark ? updatedAt : Math.max(deletedAt ?? time, updatedAt ?? 0, lastUpdatedAt)
  return { deletedAt: deletedAt ?? time, updatedAt: Math.min(newest, time) }
}

/** A time that a document says, if it is one. */
export function timeSaid(members: JsonObject, name: 'deletedAt' | 'updatedAt'): number | undefined {
  const value = memberOf(members, name)
  const field = name === 'deletedAt' ? deletedAt : updatedAt
  return typeof value === 'number' && checkValue(field, value) === undefined ? value : undefined
}
