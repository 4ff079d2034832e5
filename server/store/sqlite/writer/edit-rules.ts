import assert from 'node:assert/strict'
import { editSig } from '../../edit-sig.ts'
import { leafNodes } from '../../rev-tree/leaf-nodes.ts'
import { unpackTree } from '../../rev-tree/packed-tree.ts'
import { formatRev, parseRev } from '../../rev-tree/rev.ts'
import { pathFrom, revOf } from '../../rev-tree/rev-node.ts'
import type { Attachment, Edit, Revisions } from '../../store.ts'
import type { DocRecord } from './doc-record.ts'

export type InteractiveEdit = Extract<Edit, { readonly kind: 'interactive' }>

/**
 * The rev an interactive edit goes on from: none for a new document, the winner's tombstone for one that comes back
 * without naming it. `conflict`: the edit knows an older state than ours.
 */
export function parentOf(
  doc: DocRecord | undefined,
  edit: InteractiveEdit,
): { readonly parent: string | undefined } | 'conflict' {
  if (doc === undefined) return edit.parent === undefined ? { parent: undefined } : 'conflict'
  if (edit.parent === undefined) return doc.deleted && !edit.deleted ? { parent: doc.rev } : 'conflict'
  return isLeaf(doc, edit.parent) ? { parent: edit.parent } : 'conflict'
}

function isLeaf(doc: DocRecord, rev: string): boolean {
  if (rev === doc.rev) return true
  return doc.branched && leafNodes(unpackTree(doc.text)).some(leaf => revOf(leaf) === rev)
}

/** The new rev on top of a parent. */
export function newRevisions(
  parent: string | undefined,
  edit: InteractiveEdit,
  attachments: readonly Attachment[],
): Revisions {
  const { deleted, body, salt, mark } = edit
  const sig = editSig({ parent, deleted, body, attachments, salt, mark })
  if (parent === undefined) return { start: 1, ids: [sig] }
  const above = parseRev(parent)
  assert(above !== undefined, 'a parent is a leaf, so it is a rev')
  return { start: above.pos + 1, ids: [sig, above.sig] }
}

/** Where the bodies of a path's stored ancestors are, the nearest first. */
export function ancestorBodies(doc: DocRecord | undefined, path: Revisions): readonly number[] {
  if (doc === undefined) return []
  const nodes = unpackTree(doc.text)
  for (const [depth, sig] of path.ids.entries()) {
    const node = nodes.get(formatRev(path.start - depth, sig))
    if (node !== undefined)
      return Array.from(pathFrom(node), ({ seq }) => seq).filter(seq => seq !== undefined)
  }
  return []
}

/** Where the body of one revision is; empty if there is none. */
export function bodyOf(doc: DocRecord | undefined, rev: string | undefined): readonly number[] {
  if (doc === undefined || rev === undefined) return []
  if (rev === doc.rev) return [doc.body]
  const seq = unpackTree(doc.text).get(rev)?.seq
  return seq === undefined ? [] : [seq]
}
