/// <reference types="pouchdb-core" />

import type { DocLimits } from '../couch/content/doc-input.ts'
import { checkDatabaseName } from '../couch/databases/checked-database-name.ts'
import { CouchError } from '../couch-error.ts'
import type { Store } from '../store/store.ts'
import type { Callback } from './callback.ts'
import { OpenPouch } from './open-pouch.ts'
import { pouchError } from './pouch-error.ts'

/** Documents of the program itself are as large as it makes them. */
const NO_LIMITS: DocLimits = {
  maxDocumentBytes: Number.POSITIVE_INFINITY,
  maxAttachmentBytes: Number.POSITIVE_INFINITY,
}

/** Which store a constructor's databases are in. A class, because PouchDB copies what is a plain object. */
class StoreOption {
  readonly store: Store
  readonly limits: DocLimits

  constructor(store: Store, limits: DocLimits) {
    this.store = store
    this.limits = limits
  }
}

/**
 * A PouchDB whose adapter `divan` is this store: `new Pouch(name, { adapter: 'divan' })` is the database of that name, made if it is
 * not there (with `skip_setup` it must be). PouchDB's adapters are global to a copy of it, so the store travels in the options: one
 * PouchDB may serve several stores, each through a constructor of its own.
 */
export function divanPouchDB(Pouch: PouchDB.Static, store: Store, limits: DocLimits = NO_LIMITS) {
  Pouch.plugin((pouch: PouchDB.Static) => {
    const registry = pouch as unknown as { adapter(name: string, adapter: typeof DivanAdapter): void }
    registry.adapter('divan', DivanAdapter)
  })
  return Pouch.defaults({
    divan: new StoreOption(store, limits),
  } as PouchDB.Configuration.DatabaseConfiguration)
}

type AdapterOptions = {
  readonly name: string
  readonly divan?: StoreOption | undefined
  readonly skip_setup?: boolean | undefined
  readonly revs_limit?: number | undefined
  readonly auto_compaction?: boolean | undefined
}

/** What PouchDB's core calls, as a constructor, on each new database. */
function DivanAdapter(this: object, options: AdapterOptions, callback: Callback<object>): void {
  const { divan, name } = options
  const compacts = options.auto_compaction === true
  if (divan === undefined) throw new Error('The adapter "divan" belongs to a store: use divanPouchDB()')
  Object.assign(this, new OpenPouch({ ...divan, name, compacts }).methods())
  setUp(divan.store, options).then(
    () => callback(null, this),
    error => callback(pouchError(error)),
  )
}

DivanAdapter.valid = () => true
/** Names are those of the store's databases, without PouchDB's `_pouch_`. */
DivanAdapter.use_prefix = false

async function setUp(store: Store, { name, skip_setup, revs_limit }: AdapterOptions): Promise<void> {
  if (store.database(name) === undefined) {
    if (skip_setup) throw new CouchError('not_found', 'Database does not exist.')
    // What HTTP would refuse to make must not come in by this way either: nobody could ask for it, or it would stand for another.
    checkDatabaseName(name)
    await store.createDatabase(name)
  }
  if (revs_limit !== undefined) await store.database(name)?.setRevsLimit(revs_limit)
}
