import { hash } from 'node:crypto'
import type { Attachment } from './store.ts'

/** What the sig of a client's own edit is made of. */
export type SignedEdit = {
  readonly parent: string | undefined
  readonly deleted: boolean
  readonly body: string
  readonly attachments: readonly Pick<Attachment, 'name' | 'contentType' | 'digest'>[]
  readonly salt?: string | undefined
  readonly mark?: string | undefined
}

/**
 * The sig of an interactive edit's rev. It depends on nothing but the edit, so two servers that take the same edit make the same rev, and
 * no conflict; and whoever has a revision, its parent and the salt can tell whether the rev was made of them.
 */
export function editSig({ parent, deleted, body, attachments, salt, mark }: SignedEdit): string {
  // What `JSON.stringify(said)` makes of a first edit, which most are.
  if (parent === undefined && attachments.length === 0 && salt === undefined && mark === undefined)
    return hash('md5', `["",${deleted},[]]${body}`)
  const known = attachments.map(({ name, contentType, digest }) => [name, contentType, digest])
  const said = [parent ?? '', deleted, known]
  if (salt === undefined && mark === undefined) return hash('md5', JSON.stringify(said) + body)
  const sig = hash('md5', JSON.stringify([...said, salt ?? null, mark ?? null]) + body)
  return mark === undefined ? sig : sig.slice(0, -mark.length) + mark
}

/** Hex digits of a mark: half of a sig. */
const MARK_LENGTH = 16

/** The mark of a sig; of one that was made without it, its last half, which says nothing. */
export function markOf(sig: string): string {
  return sig.slice(-MARK_LENGTH)
}
