import { cutPath } from '../../rev-tree/cut-path.ts'
import { type Grown, growTree } from '../../rev-tree/grow-tree.ts'
import { formatRev } from '../../rev-tree/rev.ts'
import type { Attachment, Edit, Revisions } from '../../store.ts'
import type { CommandOf, Refusal, Results } from '../commands.ts'
import { type Resolved, type ResolvedAttachment, resolveAttachments } from './attachments.ts'
import type { DatabaseState } from './database-state.ts'
import { type DocRecord, readDoc } from './doc-record.ts'
import { ancestorBodies, bodyOf, type InteractiveEdit, newRevisions, parentOf } from './edit-rules.ts'
import { storeChange } from './store-change.ts'
import type { Transaction } from './transaction.ts'

export type WriteResult = Results['write'][number]
type ReplicatedEdit = Extract<Edit, { readonly kind: 'replicated' }>

/**
 * Applies edits one by one, from the first that has no result yet until the time is up; at least one, because how long an edit takes
 * is known only afterwards: its document may have thousands of branches. A refused one has written nothing.
 */
export function writeEdits(
  tx: Transaction,
  { db, edits }: CommandOf<'write'>,
  results: WriteResult[],
  isTimeUp: () => boolean,
): void {
  const state = tx.database(db)
  for (const edit of edits.slice(results.length)) {
    results.push(applyEdit(tx, state, edit))
    if (isTimeUp()) break
  }
}

function applyEdit(tx: Transaction, state: DatabaseState, edit: Edit): WriteResult {
  const doc = readDoc(tx.connection, state.db, edit.id)
  return edit.kind === 'interactive'
    ? applyInteractive(tx, state, doc, edit)
    : applyReplicated(tx, state, doc, edit)
}

function applyInteractive(
  tx: Transaction,
  state: DatabaseState,
  doc: DocRecord | undefined,
  edit: InteractiveEdit,
): WriteResult {
  const base = parentOf(doc, edit)
  if (base === 'conflict') return CONFLICT
  const resolved = resolveAttachments(tx.connection, edit.attachments, {
    db: state.db,
    pos: Number.parseInt(base.parent ?? '0', 10) + 1,
    byName: true,
    ancestors: () => bodyOf(doc, base.parent),
  })
  if ('missing' in resolved) return missingStub(edit, resolved)
  const path = newRevisions(base.parent, edit, namesOf(resolved.attachments))
  const grown = grow(state, doc, edit, path)
  // Stored already, so the parent was no leaf; or another client's forged rev has the place.
  if (grown === undefined) return CONFLICT
  return store(tx, state, doc, { edit, path, grown, attachments: resolved.attachments })
}

function applyReplicated(
  tx: Transaction,
  state: DatabaseState,
  doc: DocRecord | undefined,
  edit: ReplicatedEdit,
): WriteResult {
  const path = cutPath(edit.revisions, state.revsLimit)
  const grown = grow(state, doc, edit, path)
  if (grown === undefined) return formatRev(path.start, path.ids[0] ?? '')
  const resolved: Resolved = grown.stored
    ? resolveAttachments(tx.connection, edit.attachments, {
        db: state.db,
        pos: path.start,
        byName: false,
        ancestors: () => ancestorBodies(doc, path),
      })
    : { attachments: [] }
  if ('missing' in resolved) return missingStub(edit, resolved)
  return store(tx, state, doc, { edit, path, grown, attachments: resolved.attachments })
}

function grow(state: DatabaseState, doc: DocRecord | undefined, edit: Edit, path: Revisions) {
  return growTree(doc, path, { seq: state.updateSeq + 1, deleted: edit.deleted }, state.revsLimit)
}

type Accepted = {
  readonly edit: Edit
  readonly path: Revisions
  readonly grown: Grown
  readonly attachments: readonly ResolvedAttachment[]
}

function store(tx: Transaction, state: DatabaseState, doc: DocRecord | undefined, accepted: Accepted) {
  const { edit, path, grown, attachments } = accepted
  const rev = formatRev(path.start, path.ids[0] ?? '')
  storeChange(tx, state, doc, {
    id: edit.id,
    grown,
    body: { rev, deleted: edit.deleted, attachments: namesOf(attachments), body: edit.body },
    attachments,
  })
  return rev
}

function namesOf(attachments: readonly ResolvedAttachment[]): readonly Attachment[] {
  return attachments.map(({ named }) => named)
}

const CONFLICT: Refusal = { error: 'conflict', reason: 'Document update conflict.' }

function missingStub(edit: Edit, { missing }: { readonly missing: string }): Refusal {
  return { error: 'missing_stub', reason: `Invalid attachment stub in ${edit.id} for ${missing}` }
}
