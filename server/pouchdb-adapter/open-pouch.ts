import { adapterFun } from 'pouchdb-utils'
import type { DocLimits, RawDoc } from '../couch/doc-input.ts'
import { CouchError } from '../couch-error.ts'
import type { Database, Store } from '../store/store.ts'
import { type AllDocs, type AllDocsOptions, allDocs } from './all-docs.ts'
import { type BulkRow, writeDocs } from './bulk-docs.ts'
import { answer, answerLater, type Callback } from './callback.ts'
import { ChangesFeed, type ChangesOptions } from './changes.ts'
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

type Setting = { readonly store: Store; readonly name: string; readonly limits: DocLimits }

/** What one PouchDB holds of the store: a name, and its feeds. Many may be open on one database. */
export class OpenPouch {
  readonly #setting: Setting
  readonly #feeds = new Set<ChangesFeed>()

  constructor(setting: Setting) {
    this.#setting = setting
  }

  /**
   * The methods that PouchDB's core looks for in an adapter. Where core has a slower way of its own (`revsDiff`) or one that cannot work
   * here (`purge`, compaction document by document), the method takes its place.
   */
  methods() {
    const { store, name, limits } = this.#setting
    return {
      _remote: false,
      // A dependent database (an index) is destroyed under the name it was made with.
      use_prefix: false,
      _id: (callback: Callback<string>) => callback(null, `${store.uuid}-${name}`),
      _info: (callback: Callback<Info>) => answer(callback, () => info(this.#database())),
      _get: (id: string, options: GetOptions, callback: Callback<Got>) =>
        answer(callback, () => getDoc(this.#database(), id, options)),
      _getAttachment: (
        _id: string,
        _name: string,
        attachment: AttachmentObject,
        options: AttachmentOptions,
        callback: Callback<string | Buffer>,
      ) => answer(callback, () => getAttachment(this.#database(), attachment, options)),
      _getRevisionTree: (id: string, callback: Callback<NestedTree>) =>
        answer(callback, () => nestedTree(storedDoc(this.#database(), id).tree)),
      _getLocal: (id: string, callback: Callback<object>) =>
        answer(callback, () => localDoc(this.#database(), id)),
      _putLocal: (doc: RawDoc, callback: Callback<Written>) =>
        answerLater(callback, () => writeLocalDoc(this.#database(), doc)),
      _removeLocal: (doc: RawDoc, callback: Callback<Written>) =>
        answerLater(callback, () => writeLocalDoc(this.#database(), { ...doc, _deleted: true })),
      _bulkDocs: (
        { docs }: { readonly docs: readonly RawDoc[] },
        options: { readonly new_edits: boolean; readonly was_delete?: boolean },
        callback: Callback<BulkRow[]>,
      ) =>
        answerLater(callback, () =>
          writeDocs(this.#database(), docs, {
            newEdits: options.new_edits,
            isRemoval: options.was_delete === true,
            limits,
          }),
        ),
      _allDocs: (options: AllDocsOptions, callback: Callback<AllDocs>) =>
        answerLater(callback, () => allDocs(this.#database(), options)),
      _changes: (options: ChangesOptions) => this.#changes(options),
      _compact: (_options: object, callback: Callback<typeof OK>) =>
        answerLater(callback, async () => {
          await this.#database().compact()
          return OK
        }),
      _doCompaction: (_id: string, _revs: readonly string[], callback: Callback<never>) =>
        callback(pouchError(new CouchError('not_implemented', 'A database is compacted as a whole.'))),
      _close: (callback: Callback<void>) => {
        for (const feed of this.#feeds) feed.close()
        callback(null)
      },
      _destroy: (_options: object, callback: Callback<typeof OK>) =>
        answerLater(callback, async () => {
          await store.deleteDatabase(name)
          return OK
        }),
      revsDiff: adapterFun('revsDiff', (asked: Record<string, readonly string[]>, ...rest: Rest<Diff>) =>
        answer(callbackOf(rest), () => revsDiff(this.#database(), asked)),
      ),
      purge: adapterFun('purge', (id: string, rev: string, ...rest: Rest<Purged>) =>
        answerLater(callbackOf(rest), () => purge(this.#database(), id, rev)),
      ),
    }
  }

  /** Looked up for each call, so that a database that was deleted and made anew is found. */
  #database(): Database {
    const database = this.#setting.store.database(this.#setting.name)
    if (database === undefined) throw new CouchError('not_found', 'Database does not exist.')
    return database
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

const OK = { ok: true } as const

type Info = { readonly doc_count: number; readonly update_seq: string }
type Diff = Record<string, { missing: readonly string[] }>
type Purged = { ok: true; deletedRevs: readonly string[]; documentWasRemovedCompletely: boolean }

/** Options, that nobody here has any of, may be left out before the callback. */
type Rest<Result> = [...options: object[], callback: Callback<Result>]

function callbackOf<Result>(rest: Rest<Result>): Callback<Result> {
  return rest.at(-1) as Callback<Result>
}

function info(database: Database): Info {
  const { docCount, updateSeq } = database.facts()
  return { doc_count: docCount, update_seq: database.sequence(updateSeq) }
}

function revsDiff(database: Database, asked: Record<string, readonly string[]>): Diff {
  const diff = database.revsDiff(new Map(Object.entries(asked)))
  return Object.fromEntries(Array.from(diff, ([id, { missing }]) => [id, { missing }]))
}

async function purge(database: Database, id: string, rev: string): Promise<Purged> {
  const { tree } = storedDoc(database, id)
  if (!tree.has(rev)) throw new CouchError('not_found', 'The requested revision does not exist')
  if (!tree.leaves().some(leaf => leaf.rev === rev))
    throw new CouchError('bad_request', 'The requested revision is not a leaf')
  const purged = await database.purge(new Map([[id, [rev]]]))
  return {
    ok: true,
    deletedRevs: purged.get(id) ?? [],
    documentWasRemovedCompletely: database.doc(id) === undefined,
  }
}
