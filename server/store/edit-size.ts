import type { Edit } from './store.ts'

/** What one attachment costs beside its bytes: a look for its digest, a count, its place in the revision. */
const ATTACHMENT_BYTES = 500

/** About how many bytes a write of this edit moves: what limits the size of batches. Those of an upload are in the store already. */
export function editSize({ body, attachments = [] }: Edit): number {
  return attachments.reduce(
    (size, { data }) => size + ATTACHMENT_BYTES + (data?.byteLength ?? 0),
    body.length,
  )
}
