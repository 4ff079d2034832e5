import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { editSig, markOf } from '../store/edit-sig.ts'
import { formatRev, parseRev } from '../store/rev-tree/rev.ts'
import type { Revision, Revisions, RevTree } from '../store/store.ts'

/** Enters the rev of a version that is stored exactly as this device sent it (defaults aside). */
export function pushSalt(deviceId: string): string {
  return `pushed:${deviceId}`
}

/**
 * Whether a revision is stored exactly as this device pushed it: the device has it already, and a pull need not bring it. Told from
 * the rev alone, so nothing has to be remembered of pushes. False also where the parent was forgotten (stemmed).
 */
export function isAsPushed(tree: Pick<RevTree, 'revisions'>, revision: Revision, deviceId: string): boolean {
  const rev = parseRev(revision.rev)
  const known = tree.revisions(revision.rev)
  if (rev === undefined || known === undefined) return false
  const parent = rev.pos === 1 ? undefined : known.ids[1]
  if (rev.pos > 1 && parent === undefined) return false
  const sig = editSig({
    parent: parent === undefined ? undefined : formatRev(rev.pos - 1, parent),
    deleted: revision.deleted,
    body: revision.body,
    attachments: revision.attachments ?? [],
    salt: pushSalt(deviceId),
    mark: markOf(rev.sig),
  })
  return sig === rev.sig
}

/** The mark of a row as this device sent it: the revision made of it is known by that, whatever it was merged with. */
export function pushMark(deviceId: string, sentRow: string): string {
  return hash('sha256', `${deviceId}\n${sentRow}`, 'hex').slice(0, 16)
}

/**
 * Below every sig that is a hash. A revision that lost against a newer one gets it, on a branch of one revision: it can never be the one
 * that CouchDB's clients take for the winner, as long as another one lives.
 */
const LOWEST = '0'.repeat(16)

/** The rev of a pushed version that was older than the shown one: the same for the same row, so that a replay adds nothing. */
export function losingRevisions(mark: string): { readonly start: 1; readonly ids: readonly [string] } {
  return { start: 1, ids: [LOWEST + mark] }
}

/** The rev of a tombstone on a branch that is not shown: of branches as long as each other it is no winner either. */
export function losingTombstone(parent: string, body: string): Revisions {
  const above = parseRev(parent)
  assert(above !== undefined, 'a parent is a leaf, so it is a rev')
  const sig = LOWEST + hash('sha256', body, 'hex').slice(0, 16)
  return { start: above.pos + 1, ids: [sig, above.sig] }
}

/** Whether some revision of the document, of any branch, was made of the row with this mark. */
export function hasMark(tree: RevTree, mark: string): boolean {
  return tree.leaves().some(({ rev }) => tree.revisions(rev)?.ids.some(sig => sig.endsWith(mark)))
}
