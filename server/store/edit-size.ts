import type { Edit } from './store.ts'

/** About how many bytes an edit has, body and attachments: what limits the size of batches. */
export function editSize({ body, attachments }: Edit): number {
  return (attachments ?? []).reduce((size, { data }) => size + (data?.byteLength ?? 0), body.length)
}
