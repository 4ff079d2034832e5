import type { Entity, Field } from '../../design-docs/entity.ts'
import { type JsonObject, memberOf } from '../../design-docs/json-object.ts'

/** A pushed row as it changes a document: members to set, members to remove. */
export type RowChange = {
  /** Members that the row sets: references are resolved, an `updatedAt` in the future is the time of receipt. */
  readonly set: JsonObject
  /** Members that the row sets to null. */
  readonly cleared: readonly string[]
  /** True if the row was dated in the future. */
  readonly isFuture: boolean
  /** How new it is: what is no number is older than every number. */
  readonly time: number
  /** The row says that the entity is deleted. */
  readonly deleted: boolean
}

/** Members that say which document a row means and who sent it: they are no content. */
const IDENTITY: ReadonlySet<string> = new Set(['type', 'clientId', 'serverId', 'deviceId'])

export type ChangeOptions = {
  readonly now: number
  /** What is stored for a reference in this member. */
  resolve(member: string, to: string, sent: string): string
}

/**
 * Reads a row. Null is the same as absent, but for a member that may be null: that one is cleared. Members that no description knows are
 * kept as they are; no document can have one that begins with an underscore.
 */
export function rowChange(entity: Entity, row: JsonObject, options: ChangeOptions): RowChange {
  const set: { [member: string]: unknown } = {}
  const cleared: string[] = []
  for (const [name, sent] of Object.entries(row)) {
    if (IDENTITY.has(name) || name.startsWith('_')) continue
    const field = fieldOf(entity, name)
    if (field !== undefined && sent === null) {
      if (field.nullable === true) cleared.push(name)
    } else set[name] = storedValue(name, field, sent, options)
  }
  return { set, cleared, ...ageOf(set, options.now), deleted: isDeletion(entity, set) }
}

function storedValue(
  name: string,
  field: Field | undefined,
  sent: unknown,
  { resolve }: ChangeOptions,
): unknown {
  return field?.kind === 'reference' && typeof sent === 'string' ? resolve(name, field.to, sent) : sent
}

/** A fast clock must not win for ever. Changes `set`. */
function ageOf(set: { [member: string]: unknown }, now: number): { isFuture: boolean; time: number } {
  const { updatedAt } = set
  if (typeof updatedAt !== 'number') return { isFuture: false, time: Number.NEGATIVE_INFINITY }
  const isFuture = updatedAt > now
  if (isFuture) set.updatedAt = now
  return { isFuture, time: Math.min(updatedAt, now) }
}

function isDeletion(entity: Entity, { deletedAt }: JsonObject): boolean {
  return fieldOf(entity, 'deletedAt') !== undefined && typeof deletedAt === 'number'
}

function fieldOf(entity: Entity, name: string): Field | undefined {
  return Object.hasOwn(entity.fields, name) ? entity.fields[name] : undefined
}

/** What is stored of a document, and whether that is a deletion. */
export type Stored = { readonly body: JsonObject; readonly deleted: boolean }

/** The stored members, overlaid by those of the row: what a row does not say stays. A living row undoes a deletion. */
export function mergedMembers(stored: Stored | undefined, { set, cleared }: RowChange): JsonObject {
  const merged: { [member: string]: unknown } = { ...stored?.body }
  if (stored?.deleted === true) merged.deletedAt = undefined
  for (const [name, value] of Object.entries(set)) merged[name] = value
  for (const name of cleared) merged[name] = undefined
  return merged
}

/**
 * What a version says, as text: the same for two versions that a client could not tell apart. Absent is null and is the default; who wrote
 * it and what it is called is no part of it.
 */
export function contentText(entity: Entity, members: JsonObject): string {
  const known = Object.entries(entity.fields).flatMap(([name, field]) => {
    return IDENTITY.has(name) ? [] : [memberOf(members, name) ?? field.default ?? null]
  })
  const unknown = Object.keys(members)
    .filter(name => !IDENTITY.has(name) && fieldOf(entity, name) === undefined && members[name] !== undefined)
    .sort()
    .map(name => [name, members[name]])
  return JSON.stringify([known, unknown])
}
