import { hash } from 'node:crypto'
import type { Problem } from '../../design-docs/problem.ts'
import type { Edit } from '../store/store.ts'
import type { OddRow, SentRow } from './push-rows.ts'

/** A row that will be nobody's: it is kept, and the app's developer is told why. */
export type Rejected = {
  /** The member of the message, as `sessions`. */
  readonly entity: string
  readonly clientId: string | null
  /** `sessions[3].targetReps` */
  readonly path: string
  readonly reason: string
}

/** How the answer tells of a row, if there is something wrong with it. */
export function rejectedRow(
  { list, clientId }: Pick<SentRow | OddRow, 'list' | 'clientId'>,
  problem: Problem | undefined,
): readonly Rejected[] {
  if (problem === undefined) return []
  return [{ entity: list, clientId, path: problem.path, reason: problem.reason }]
}

/**
 * A row that names no document, or does not fit into the one it names, is kept as one of its own, of a type that nothing describes, so that `_problems` lists it. Its id and its
 * rev are those of its text: however often it comes, it is stored once, and not again after somebody removed it.
 */
export function rejectedEdit(
  deviceId: string,
  { list, text }: { readonly list: string; readonly text: string },
): Edit {
  const sig = hash('sha256', `${list}\n${text}`, 'hex').slice(0, 32)
  return {
    kind: 'replicated',
    id: `rejected:${deviceId}:${sig}`,
    deleted: false,
    body: `{"type":"rejected","deviceId":${JSON.stringify(deviceId)},"entity":${JSON.stringify(list)},"row":${text}}`,
    revisions: { start: 1, ids: [sig] },
  }
}
