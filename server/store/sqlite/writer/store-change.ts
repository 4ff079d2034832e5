import type { Grown } from '../../rev-tree/grow-tree.ts'
import { unpackTree } from '../../rev-tree/packed-tree.ts'
import { type ResolvedAttachment, storeAttachments } from './attachments.ts'
import { type Body, dropBody, insertBody, storedSize, totalLength } from './bodies.ts'
import type { DatabaseState } from './database-state.ts'
import { type DocRecord, insertDoc, updateDoc } from './doc-record.ts'
import type { Transaction } from './transaction.ts'

/** A change that was accepted: the document's id, the history it leads to, and the body and attachments it brings. */
export type Change = {
  readonly id: string
  readonly grown: Grown
  readonly body: Body
  readonly attachments: readonly ResolvedAttachment[]
}

/** Writes a change and counts it: body, bytes of attachments, the document's row, the counters. */
export function storeChange(
  tx: Transaction,
  state: DatabaseState,
  doc: DocRecord | undefined,
  { id, grown, body, attachments }: Change,
): void {
  const { connection } = tx
  const seq = tx.nextSeq(state)
  if (doc !== undefined) state.hasInnerBodies = true
  if (grown.stored) {
    const fresh = storeAttachments(tx, state.db, attachments)
    insertBody(connection, state.db, seq, body)
    state.storedBytes += Buffer.byteLength(body.body) + fresh
  }
  const live = grown.deleted ? (doc?.live ?? null) : grown.body
  const bytes = winnerSize(tx, state, doc, { grown, seq, body })
  dropBodies(tx, state, unusedBodies(doc, grown, live))
  const place = { db: state.db, id, seq, time: state.lastTime }
  if (doc === undefined) insertDoc(connection, place, grown, bytes)
  else updateDoc(connection, place, grown, { live, bytes })
  count(state, doc, { deleted: grown.deleted, bytes })
}

function winnerSize(
  tx: Transaction,
  state: DatabaseState,
  doc: DocRecord | undefined,
  change: { readonly grown: Grown; readonly seq: number; readonly body: Body },
): number {
  const { grown, seq, body } = change
  if (grown.body === seq) return Buffer.byteLength(body.body) + totalLength(body.attachments)
  if (grown.body === doc?.body) return doc.bytes
  return storedSize(tx.connection, state.db, grown.body)
}

/** The bodies of stemmed revisions, but never the last live one, and that one when a newer live one takes its place. */
function unusedBodies(doc: DocRecord | undefined, grown: Grown, live: number | null): number[] {
  const unused = grown.dropped.filter(seq => seq !== live)
  const replaced = doc?.deleted ? doc.live : null
  if (replaced === null || replaced === live || unused.includes(replaced)) return unused
  const isInTree = Array.from(unpackTree(grown.text).values()).some(({ seq }) => seq === replaced)
  return isInTree ? unused : [...unused, replaced]
}

function dropBodies(tx: Transaction, state: DatabaseState, seqs: readonly number[]): void {
  for (const seq of seqs) state.storedBytes -= dropBody(tx.connection, state.db, seq, tx.now).bytes
}

/** What of a document is counted. */
type Counted = { readonly deleted: boolean; readonly bytes: number }

/** Counts a document as it is after a change, and no more as it was before. Undefined: it was or is not there. */
export function count(state: DatabaseState, before: Counted | undefined, after: Counted | undefined): void {
  if (before !== undefined) countOne(state, before, -1)
  if (after !== undefined) countOne(state, after, 1)
}

function countOne(state: DatabaseState, doc: Counted, by: 1 | -1): void {
  if (doc.deleted) state.docDelCount += by
  else state.docCount += by
  state.activeBytes += by * doc.bytes
}
