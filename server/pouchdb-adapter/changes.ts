import { setImmediate } from 'node:timers/promises'
import { filterChange } from 'pouchdb-utils'
import { isSequence } from '../store/sequences.ts'
import type { ChangeRow, Database } from '../store/store.ts'
import { type FoundBytes, fillAttachments, findBytes } from './attachments.ts'
import type { Callback } from './callback.ts'
import { conflictsOf, type DocObject, docObject } from './doc-object.ts'
import { pouchError } from './pouch-error.ts'

/** What PouchDB's core passes on of `changes`. */
export type ChangesOptions = {
  readonly since: number | string
  readonly continuous?: boolean | undefined
  readonly descending?: boolean | undefined
  readonly limit?: number | undefined
  readonly style?: string | undefined
  readonly doc_ids?: readonly string[] | undefined
  readonly filter?: unknown
  readonly include_docs?: boolean | undefined
  readonly conflicts?: boolean | undefined
  readonly attachments?: boolean | undefined
  readonly binary?: boolean | undefined
  readonly return_docs?: boolean | undefined
  readonly onChange: (change: Change) => void
  readonly complete: Callback<Completed>
}

export type Change = {
  id: string
  seq: string
  changes: { rev: string }[]
  deleted?: true
  doc?: DocObject | undefined
}

type Page = {
  readonly changes: readonly { readonly n: number; readonly change: Change }[]
  readonly found: FoundBytes
}

/** The end of a feed: all of its changes, or the word that it was stopped. */
export type Completed =
  | { readonly results: readonly Change[]; readonly last_seq: string }
  | { readonly status: 'cancelled' }

const PAGE_ROWS = 500

/**
 * One `changes()` of a PouchDB, from its first page to its end. It reads page by page and lets others work in between; a live one waits
 * for the database's next commit at the end and holds nothing but a callback.
 */
export class ChangesFeed {
  readonly #database: Database
  readonly #options: ChangesOptions
  readonly #filter: ReturnType<typeof filterChange>
  readonly #results: Change[] = []
  readonly #stopped = new AbortController()
  readonly #ids: ReadonlySet<string> | undefined
  /** How many changes may still be told. */
  #room: number
  #n = 0

  constructor(database: Database, options: ChangesOptions) {
    this.#database = database
    this.#options = options
    this.#filter = filterChange(options)
    const { limit, continuous, doc_ids } = options
    this.#ids = doc_ids && new Set(doc_ids)
    // PouchDB's live feeds have no limit: replication names the size of its batches by it and goes on.
    this.#room = limit !== undefined && limit > 0 && !continuous ? limit : Number.POSITIVE_INFINITY
  }

  /** Reads to the end. Never tells anything before its caller has got hold of it. */
  async run(): Promise<void> {
    const { complete, continuous } = this.#options
    try {
      await setImmediate()
      this.#n = await this.#start()
      await (continuous === true ? this.#follow() : this.#readOn())
      if (!this.#stopped.signal.aborted)
        complete(null, { results: this.#results, last_seq: this.#database.sequence(this.#n) })
    } catch (error) {
      // As when a PouchDB is destroyed, which may be told only after the feed has met it.
      if (continuous === true && this.#isGone()) this.close()
      else complete(pouchError(error))
    }
  }

  #isGone(): boolean {
    try {
      this.#database.facts()
      return false
    } catch {
      return true
    }
  }

  /** Ends the feed without a word: who cancels knows it. */
  cancel(): void {
    this.#stopped.abort()
  }

  /** Ends the feed because its database is closed or gone. */
  close(): void {
    this.cancel()
    this.#options.complete(null, { status: 'cancelled' })
  }

  /** A source that went back in time drops what its replications noted in it, as for a client that asks by HTTP. */
  async #start(): Promise<number> {
    const { since, descending } = this.#options
    if (descending === true) return Number.POSITIVE_INFINITY
    // A number can only come from the program itself: what was told and kept is in the wire form.
    if (typeof since === 'number') return since
    const { n, rewound } = this.#database.place(since)
    if (rewound && isSequence(since)) await this.#database.forgetReplicationLogs()
    return n
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped
    let changed = false
    let wake = () => {}
    const unsubscribe = this.#database.onChange(() => {
      changed = true
      wake()
    })
    signal.addEventListener('abort', () => wake())
    try {
      while (!signal.aborted) {
        changed = false
        await this.#readOn()
        if (changed || signal.aborted) continue
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    } finally {
      unsubscribe()
    }
  }

  /** Reads from where the feed is to its end. */
  async #readOn(): Promise<void> {
    while (this.#room > 0 && !this.#stopped.signal.aborted) {
      const { changes, found } = this.#page()
      if (changes.length === 0) return
      for (const { n, change } of changes) this.#tell(n, change, found)
      await setImmediate()
    }
  }

  /** A page is read in one moment with where its attachments are: their bytes are read when a change is told, if it passes. */
  #page(): Page {
    const { descending, include_docs, attachments, filter } = this.#options
    return this.#database.atOnce(() => {
      const rows = this.#database.changes({
        after: this.#n,
        limit: PAGE_ROWS,
        descending: descending === true,
        withBodies: include_docs === true || typeof filter === 'function',
        ids: this.#ids,
      })
      // Nothing more for a feed of some documents only: the others' changes need not be looked at again.
      if (rows.length === 0 && descending !== true)
        this.#n = Math.max(this.#n, this.#database.facts().updateSeq)
      const changes = rows.map(row => ({ n: row.n, change: this.#changeOf(row) }))
      const filled = attachments === true && include_docs === true ? changes : []
      return {
        changes,
        found: findBytes(
          this.#database,
          filled.map(({ change }) => change.doc),
        ),
      }
    })
  }

  #tell(n: number, change: Change, found: FoundBytes): void {
    if (this.#room === 0 || this.#stopped.signal.aborted) return
    this.#n = n
    const passes = this.#filter(change)
    if (typeof passes !== 'boolean') throw passes
    if (!passes) return
    this.#room--
    if (this.#options.attachments === true && change.doc !== undefined)
      fillAttachments(found, change.doc, this.#options)
    if (this.#options.return_docs === true) this.#results.push(change)
    this.#options.onChange(change)
  }

  #changeOf({ n, id, rev, deleted, leaves = [{ rev, deleted }], revision }: ChangeRow): Change {
    const { style, conflicts } = this.#options
    const told = style === 'all_docs' ? leaves : leaves.slice(0, 1)
    const change: Change = {
      id,
      seq: this.#database.sequence(n),
      changes: told.map(leaf => ({ rev: leaf.rev })),
    }
    if (deleted) change.deleted = true
    if (revision === undefined) return change
    change.doc = docObject(id, revision)
    const others = conflicts === true ? conflictsOf(leaves) : []
    if (others.length > 0) change.doc._conflicts = others
    return change
  }
}
