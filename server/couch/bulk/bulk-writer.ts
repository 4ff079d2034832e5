import { setImmediate } from 'node:timers/promises'
import type { Caller } from '../../auth/caller.ts'
import { CouchError, type ErrorWord } from '../../couch-error.ts'
import { editSize } from '../../store/edit-size.ts'
import type { Database, Edit, WriteOutcome } from '../../store/store.ts'
import { checkedDocId, isLocalDocId, localName } from '../content/checked-doc-id.ts'
import {
  type DocInput,
  type DocLimits,
  interactiveEdit,
  type RawDoc,
  rawDoc,
  readDoc,
  replicatedEdit,
} from '../content/doc-input.ts'
import { attachmentsLeftInPlace } from '../content/rxdb-edit.ts'
import { checkMayWrite } from '../documents/doc-route.ts'
import { newDocId } from '../documents/doc-write.ts'
import { type LocalDocInput, readLocalDoc, writeLocalDoc } from '../documents/local-docs.ts'
import type { BulkDoc } from './bulk-body.ts'

/** Documents in one write to the store: enough to share its cost, few enough that the writer's thread begins early and is never idle. */
const BATCH_DOCS = 100
/** And as many bytes of bodies and attachments, or a little more. */
const BATCH_BYTES = 1024 * 1024
/**
 * While the store writes a batch the next ones are read; more of them would only fill memory. One with a document of more than
 * `BATCH_BYTES` is under way alone, so that at most 20 MiB or one such document are: and a later edit of that document cannot overtake it
 * while the store takes in its large attachment.
 */
const BATCHES_UNDER_WAY = 10
/** So many documents are read before other clients have their turn, also when all of them are refused. */
const DOCS_OF_A_TURN = 500

export type BulkOptions = {
  readonly newEdits: boolean
  readonly caller: Caller
  readonly limits: DocLimits
}

/** A row of the answer; undefined for a replicated revision that was stored. */
export type BulkRow =
  | { readonly ok: true; readonly id: string; readonly rev: string }
  | {
      readonly id: string
      readonly rev?: string | undefined
      readonly error: string
      readonly reason: string
    }

/**
 * Writes the documents of one `_bulk_docs`, each for itself: what is wrong with one is told in its row, always with its `id`, for
 * PouchDB takes an error without one for a success.
 */
export class BulkWriter {
  readonly #database: Database
  readonly #options: BulkOptions
  readonly #rows: (BulkRow | undefined)[] = []
  readonly #underWay: Promise<void>[] = []
  #edits: Edit[] = []
  /** The rows that `#edits` stand for. */
  #places: number[] = []
  #localDocs: { readonly place: number; readonly doc: RawDoc; readonly input: LocalDocInput }[] = []
  #bytes = 0
  /** One document alone has more than a batch. */
  #hasLarge = false
  /** Documents that have a row of their own to be told in. */
  #accepted = 0
  /** The first one. */
  #refusal: CouchError | undefined

  constructor(database: Database, options: BulkOptions) {
    this.#database = database
    this.#options = options
  }

  async write(docs: readonly BulkDoc[]): Promise<void> {
    for (const doc of docs) {
      this.#take(doc)
      if (this.#batched >= BATCH_DOCS || this.#bytes >= BATCH_BYTES) await this.#send()
      else if (this.#rows.length % DOCS_OF_A_TURN === 0) await setImmediate()
    }
  }

  /**
   * The rows, once all is on disk.
   * @throws CouchError the first refusal, if no document was one, so that nothing was written. But never `forbidden`: PouchDB gives up
   * replication for good when it is the answer to a request, and goes on when it is a document's.
   */
  async finish(): Promise<readonly BulkRow[]> {
    await this.#send()
    await this.#stored()
    if (this.#accepted === 0 && this.#refusal !== undefined) throw this.#refusal
    return this.#rows.filter(row => row !== undefined)
  }

  get #batched(): number {
    return this.#edits.length + this.#localDocs.length
  }

  #take(bulkDoc: BulkDoc): void {
    const place = this.#rows.length
    this.#rows.push(undefined)
    try {
      if ('tooLarge' in bulkDoc) throw tooLarge()
      this.#read(bulkDoc.doc, place)
      this.#accepted++
    } catch (error) {
      if (!(error instanceof CouchError)) throw error
      this.#refuse(place, bulkDoc, error)
    }
  }

  #read(value: unknown, place: number): void {
    const { newEdits, caller, limits } = this.#options
    const doc = rawDoc(value)
    const id = checkedDocId(doc._id === undefined ? newDocId() : doc._id)
    checkMayWrite(caller, this.#database, id)
    if (isLocalDocId(id)) {
      const input = readLocalDoc(localName(id), doc, limits)
      this.#localDocs.push({ place, doc, input })
      this.#weigh(input.body?.length ?? 0)
      return
    }
    const input = readDoc(doc, id, limits)
    const edit = newEdits ? this.#interactive(doc, input) : replicatedEdit(input)
    this.#edits.push(edit)
    this.#places.push(place)
    this.#weigh(editSize(edit))
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes
    if (bytes > BATCH_BYTES) this.#hasLarge = true
  }

  #interactive(doc: RawDoc, input: DocInput): Edit {
    const left = attachmentsLeftInPlace(this.#database, doc, input)
    return interactiveEdit(left === undefined ? input : { ...input, attachments: left })
  }

  /** Local docs are no part of replication, so that their rows are told even where only failures are. */
  #wrote(place: number, row: { readonly id: string; readonly rev: string }): void {
    this.#rows[place] = { ok: true, ...row }
  }

  #refuser(place: number, bulkDoc: BulkDoc): (error: unknown) => void {
    return error => {
      if (!(error instanceof CouchError)) throw error
      this.#refuse(place, bulkDoc, error)
    }
  }

  #refuse(place: number, bulkDoc: BulkDoc, error: CouchError): void {
    const isEdit = this.#options.newEdits || namesNoRevision(bulkDoc)
    const row = { ...namesOf(bulkDoc), ...told(error.word, error.message, isEdit) }
    if (row.error === 'forbidden') this.#accepted++
    this.#refusal ??= error
    this.#rows[place] = row
  }

  async #send(): Promise<void> {
    if (this.#batched === 0) return
    const isLarge = this.#hasLarge
    this.#hasLarge = false
    if (isLarge) await this.#stored()
    const [edits, places, localDocs] = [this.#edits, this.#places, this.#localDocs]
    this.#edits = []
    this.#places = []
    this.#localDocs = []
    this.#bytes = 0
    const written = [
      this.#database.write(edits).then(outcomes => this.#settle(outcomes, edits, places)),
      ...localDocs.map(({ place, doc, input }) =>
        writeLocalDoc(this.#database, input).then(
          row => this.#wrote(place, row),
          this.#refuser(place, { doc }),
        ),
      ),
    ]
    this.#track(Promise.all(written).then(() => {}))
    if (isLarge) await this.#stored()
    else await (this.#underWay.length < BATCHES_UNDER_WAY ? setImmediate() : this.#underWay.shift())
  }

  async #stored(): Promise<void> {
    await Promise.all(this.#underWay.splice(0))
  }

  /** A failure is met where the promise is awaited; until then it must not end the process. */
  #track(written: Promise<void>): void {
    written.catch(() => {})
    this.#underWay.push(written)
  }

  #settle(outcomes: readonly WriteOutcome[], edits: readonly Edit[], places: readonly number[]): void {
    for (const [index, outcome] of outcomes.entries()) {
      const [edit, place] = [edits[index], places[index]]
      if (edit !== undefined && place !== undefined) this.#rows[place] = rowOf(outcome, edit)
    }
  }
}

/**
 * A replicating PouchDB repeats the whole batch for ever after any row but `forbidden`, with everything behind it. So a revision that
 * can never be stored, however often it comes, is told in that word: the phone reports it as denied and goes on.
 */
function told(word: ErrorWord, reason: string, isEdit: boolean) {
  if (isEdit || word === 'forbidden') return { error: word, reason }
  return { error: 'forbidden', reason: `${word}: ${reason}` }
}

/** No replication sends such a document, so none can be held up by it. */
function namesNoRevision(bulkDoc: BulkDoc): boolean {
  if ('tooLarge' in bulkDoc) return false
  const { _rev, _revisions } = (bulkDoc.doc ?? {}) as { _rev?: unknown; _revisions?: unknown }
  return _rev === undefined && _revisions === undefined
}

function rowOf(outcome: WriteOutcome, edit: Edit): BulkRow | undefined {
  if (!outcome.ok) {
    const { id, error, reason } = outcome
    return { id, rev: revOf(edit), ...told(error, reason, edit.kind === 'interactive') }
  }
  return edit.kind === 'replicated' ? undefined : { ok: true, id: outcome.id, rev: outcome.rev }
}

function revOf(edit: Edit): string | undefined {
  return edit.kind === 'replicated' ? `${edit.revisions.start}-${edit.revisions.ids[0]}` : undefined
}

/** What an error row calls a document that could not be read. */
function namesOf(bulkDoc: BulkDoc): { readonly id: string; readonly rev?: string | undefined } {
  if ('tooLarge' in bulkDoc) return { id: bulkDoc.id }
  const { _id: id, _rev: rev } = (bulkDoc.doc ?? {}) as { _id?: unknown; _rev?: unknown }
  return { id: typeof id === 'string' ? id : '', rev: typeof rev === 'string' ? rev : undefined }
}

function tooLarge(): CouchError {
  return new CouchError('document_too_large', 'Document with its attachments is too large')
}
