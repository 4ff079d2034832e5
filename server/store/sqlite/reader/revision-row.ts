import type { Revision } from '../../store.ts'

/** The columns of `bodies` that make a revision. */
export type RevisionRow = readonly [rev: string, deleted: number, attachments: string | null, body: string]

export function revisionOf([rev, deleted, attachments, body]: RevisionRow): Revision {
  return {
    rev,
    deleted: deleted === 1,
    body,
    attachments: attachments === null ? undefined : JSON.parse(attachments),
  }
}
