import type { JsonObject } from '../../design-docs/json-object.ts'
import type { Problem } from '../../design-docs/problem.ts'
import type { Database, Edit } from '../store/store.ts'
import type { NamedRow } from './identity-of-rows.ts'
import type { RowChange } from './merge.ts'
import { type Before, shownEdits } from './push-edits.ts'
import { MAX_MEMBERS } from './push-rows.ts'
import { rejectedEdit } from './rejected-rows.ts'

/**
 * What is wrong with a row that makes its document larger than a document may be.
 * Members that nobody knows are kept, so a document may grow with each row: twelve rows of eight megabytes made one that no client could
 * send back, and that held up everybody whenever it was read.
 */
export function overflowOf(
  row: NamedRow,
  { before, merged }: { readonly before: Before; readonly merged: JsonObject },
  maxBytes: number,
): Problem | undefined {
  const problem = (reason: string) => ({ path: row.path, reason })
  if (Object.keys(merged).length > MAX_MEMBERS)
    return problem(`With it the document would have more than ${MAX_MEMBERS} members.`)
  const isFarFrom = 3 * (row.chars + before.chars) <= maxBytes
  if (isFarFrom || Buffer.byteLength(JSON.stringify(merged)) <= maxBytes) return undefined
  return problem(`With it the document would be larger than ${maxBytes} bytes.`)
}

/**
 * The row is kept as a document of its own. A branch of this one would not do: with its newer date it would be shown, and it lacks what
 * the row does not say. A deletion is one nevertheless, by its date alone.
 */
export function overflowEdits(
  database: Database,
  row: NamedRow,
  made: { readonly change: RowChange; readonly before: Before; readonly deviceId: string },
): readonly Edit[] {
  const { change, before, deviceId } = made
  const kept = rejectedEdit(deviceId, { list: row.list, text: JSON.stringify(row.members) })
  if (!change.deleted) return [kept]
  const { deletedAt, updatedAt } = change.set
  const merged = { ...before.body, deletedAt, updatedAt, deviceId }
  return [...shownEdits(database, row, { ...made, merged }), kept]
}
