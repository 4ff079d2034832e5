import { adapterFun } from 'pouchdb-utils'
import type { DocLimits, RawDoc } from '../couch/content/doc-input.ts'
import { CouchError } from '../couch-error.ts'
import type { Database, Store } from '../store/store.ts'
import { type AllDocs, type AllDocsOptions, allDocs } from './all-docs.ts'
import { type BulkRow, writeDocs } from './bulk-docs.ts'
import { answer, answerLater, type Callback } from './callback.ts'
import { ChangesFeed, type ChangesOptions } from './changes.ts'
import { type Diff, type Info, info, OK, type Purged, purge, revsDiff } from './database-calls.ts'
import type { AttachmentObject } from './doc-object.ts'
import { localDoc, type Written, writeLocalDoc } from './local-docs.ts'
import { type NestedTree, nestedTree } from './nested-tree.ts'
import { pouchError } from './pouch-error.ts'
import {
  type AttachmentOptions,
  type GetOptions,
  type Got,
  getAttachment,
  getDoc,
  storedDoc,
} from './read-doc.ts'

type Setting = {
  readonly store: Store
  readonly name: string
  readonly limits: DocLimits
  /** PouchDB's `auto_compaction`: a write is answered when the bodies it outdated are gone. */
  readonly compacts: boolean
}
type BulkRequest = { readonly docs: readonly RawDoc[] }
type CoreBulkOptions = { readonly new_edits: boolean; readonly was_delete?: boolean | undefined }

/** Options, that nobody here has any of, may be left out before the callback. */
type Rest<Result> = [...options: object[], callback: Callback<Result>]

/**
 * What PouchDB's core calls of an adapter, for one PouchDB: it holds a name and its feeds, and nothing of the store, so that many may be
 * open on one database.
 */
export class OpenPouch {
  readonly #setting: Setting
  readonly #feeds = new Set<ChangesFeed>()

  constructor(setting: Setting) {
    this.#setting = setting
  }

  /** The methods, for PouchDB keeps them on the object it gives its callers. */
  methods(): object {
    return { _remote: false, ...this.#reads(), ...this.#writes(), ...this.#wholes() }
  }

  #reads() {
    return {
      _get: (id: string, options: GetOptions, callback: Callback<Got>) =>
        answer(callback, () => getDoc(this.#database(), id, options)),
      _getAttachment: (
        ...args: [string, string, AttachmentObject, AttachmentOptions, Callback<string | Buffer>]
      ) => {
        const [, , attachment, options, callback] = args
        answer(callback, () => getAttachment(this.#database(), attachment, options))
      },
      _getRevisionTree: (id: string, callback: Callback<NestedTree>) =>
        answer(callback, () => nestedTree(storedDoc(this.#database(), id).tree)),
      _getLocal: (id: string, callback: Callback<object>) =>
        answer(callback, () => localDoc(this.#database(), id)),
      _allDocs: (options: AllDocsOptions, callback: Callback<AllDocs>) =>
        answerLater(callback, () => allDocs(this.#database(), options)),
      _changes: (options: ChangesOptions) => this.#changes(options),
      // Core's own asks for each document, and again for revisions that are known by name.
      revsDiff: adapterFun('revsDiff', (asked: Record<string, readonly string[]>, ...rest: Rest<Diff>) =>
        answer(callbackOf(rest), () => revsDiff(this.#database(), asked)),
      ),
    }
  }

  #writes() {
    return {
      _bulkDocs: ({ docs }: BulkRequest, options: CoreBulkOptions, callback: Callback<BulkRow[]>) =>
        answerLater(callback, () => this.#bulkDocs(docs, options)),
      _putLocal: (doc: RawDoc, callback: Callback<Written>) =>
        answerLater(callback, () => this.#writeLocal(doc)),
      _removeLocal: (doc: RawDoc, callback: Callback<Written>) =>
        answerLater(callback, () => this.#writeLocal({ ...doc, _deleted: true })),
      // Core's own fails at the second purge of a database (`self` is not defined in Node) and never answers.
      purge: adapterFun('purge', (id: string, rev: string, ...rest: Rest<Purged>) =>
        answerLater(callbackOf(rest), async () => purge(this.#database(), id, rev)),
      ),
      _compact: (_options: object, callback: Callback<typeof OK>) =>
        answerLater(callback, async () => {
          await this.#database().compact()
          return OK
        }),
      _doCompaction: (_id: string, _revs: readonly string[], callback: Callback<never>) =>
        callback(pouchError(new CouchError('not_implemented', 'A database is compacted as a whole.'))),
    }
  }

  #wholes() {
    const { store, name } = this.#setting
    return {
      _id: (callback: Callback<string>) => callback(null, `${store.uuid}-${name}`),
      _info: (callback: Callback<Info>) => answer(callback, () => info(this.#database())),
      _close: (callback: Callback<void>) => {
        for (const feed of this.#feeds) feed.close()
        callback(null)
      },
      _destroy: (_options: object, callback: Callback<typeof OK>) =>
        answerLater(callback, async () => {
          await store.deleteDatabase(name)
          return OK
        }),
    }
  }

  /** Looked up for each call, so that a database that was deleted and made anew is found. */
  #database(): Database {
    const database = this.#setting.store.database(this.#setting.name)
    if (database === undefined) throw new CouchError('not_found', 'Database does not exist.')
    return database
  }

  async #bulkDocs(docs: readonly RawDoc[], { new_edits, was_delete }: CoreBulkOptions): Promise<BulkRow[]> {
    const { limits, compacts } = this.#setting
    const database = this.#database()
    const options = { newEdits: new_edits, isRemoval: was_delete === true, limits }
    const rows = await writeDocs(database, docs, options)
    if (compacts) await database.compact()
    return rows
  }

  async #writeLocal(doc: RawDoc): Promise<Written> {
    return writeLocalDoc(this.#database(), doc)
  }

  #changes(options: ChangesOptions): { cancel(): void } {
    let feed: ChangesFeed
    try {
      feed = new ChangesFeed(this.#database(), options)
    } catch (error) {
      options.complete(pouchError(error))
      return { cancel() {} }
    }
    this.#feeds.add(feed)
    void feed.run().finally(() => this.#feeds.delete(feed))
    return feed
  }
}

function callbackOf<Result>(rest: Rest<Result>): Callback<Result> {
  return rest.at(-1) as Callback<Result>
}
