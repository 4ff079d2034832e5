import { createError, MISSING_DOC, type PouchError } from 'pouchdb-errors'
import { isLocalDocId } from '../couch/content/checked-doc-id.ts'
import type { RawDoc } from '../couch/content/doc-input.ts'
import { CouchError } from '../couch-error.ts'
import type { Database, Edit, WriteOutcome } from '../store/store.ts'
import { type Written, writeLocalDoc } from './local-docs.ts'
import { refusal } from './pouch-error.ts'
import { type ReadOptions, readEdit } from './read-edit.ts'

export type BulkOptions = ReadOptions & {
  /** True if it is PouchDB's `remove` that asks. */
  readonly isRemoval: boolean
}

/** What became of one document. */
export type BulkRow = Written | PouchError

/** A document that is to be written, or its row where there is nothing to write. */
type Planned = { readonly edit: Edit } | { readonly local: RawDoc } | { readonly row: BulkRow }

/**
 * Writes documents. As in PouchDB's other adapters, one that is no document fails the call before anything is written, and conflicts
 * are told in the document's own row. A revision from elsewhere that can never be stored is told there too, and as `forbidden`:
 * replication reports it as denied and goes on, where any other error makes it try the same batch for ever.
 */
export async function writeDocs(
  database: Database,
  docs: readonly RawDoc[],
  options: BulkOptions,
): Promise<BulkRow[]> {
  const planned = docs.map(doc => plan(database, doc, options))
  const edits = planned.flatMap(one => ('edit' in one ? [one.edit] : []))
  const outcomes = (edits.length === 0 ? [] : await database.write(edits))[Symbol.iterator]()
  const rows: BulkRow[] = []
  for (const one of planned) {
    if ('row' in one) rows.push(one.row)
    else if ('local' in one) rows.push(await localRow(database, one.local))
    else rows.push(rowOf(outcomes.next().value, one.edit))
  }
  return rows
}

function plan(database: Database, doc: RawDoc, options: BulkOptions): Planned {
  if (typeof doc._id === 'string' && isLocalDocId(doc._id)) return { local: doc }
  try {
    const edit = readEdit(doc, options)
    if (options.isRemoval && database.doc(edit.id) === undefined)
      return { row: told(edit.id, createError(MISSING_DOC, 'deleted')) }
    return { edit }
  } catch (error) {
    if (options.newEdits || namesNoRevision(doc) || !(error instanceof CouchError)) throw error
    return { row: denied(String(doc._id), error.word, error.message) }
  }
}

/** No replication sends such a document, so none can be held up by it. */
function namesNoRevision({ _rev, _revisions }: RawDoc): boolean {
  return _rev === undefined && _revisions === undefined
}

async function localRow(database: Database, doc: RawDoc): Promise<BulkRow> {
  try {
    return await writeLocalDoc(database, doc)
  } catch (error) {
    if (error instanceof CouchError) return told(String(doc._id), refusal(error))
    if (error instanceof Error && 'error' in error) return told(String(doc._id), error as PouchError)
    throw error
  }
}

function rowOf(outcome: WriteOutcome | undefined, edit: Edit): BulkRow {
  if (outcome === undefined) throw new Error('a write has an outcome for each edit')
  if (outcome.ok) return { ok: true, id: outcome.id, rev: outcome.rev }
  const { id, error, reason } = outcome
  if (edit.kind === 'replicated') return denied(id, error, reason)
  return told(id, refusal(new CouchError(error, reason)))
}

function denied(id: string, word: string, reason: string): PouchError {
  return told(id, refusal(new CouchError('forbidden', `${word}: ${reason}`)))
}

function told(id: string, error: PouchError): PouchError {
  error.id = id
  return error
}
