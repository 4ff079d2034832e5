import assert from 'node:assert/strict'
import { Listeners } from '../sqlite/listeners.ts'
import type { Database, DbUpdate, NameRange, Store, StoreCondition, UpdatesPlace } from '../store.ts'
import { mergedNames } from './merged-names.ts'
import { mergedPlace, mergedSequence, mergedUpdates } from './merged-updates.ts'
import { shardOf } from './shard-of.ts'

/** A store of one file, and what people call it. */
export type Shard = { readonly name: string; readonly store: Store }

/**
 * Several stores as one: each has its file and its writer's thread, and each database is in one of them, whole. What belongs to one database is
 * that store's own; here is what concerns all.
 */
export class ShardedStore implements Store {
  readonly #shards: readonly Shard[]
  readonly #stores: readonly Store[]
  readonly #first: Store
  readonly #updateListeners = new Listeners<'updates'>()
  #closing: Promise<void> | undefined

  constructor(shards: readonly [Shard, ...Shard[]]) {
    this.#shards = shards
    this.#stores = shards.map(({ store }) => store)
    this.#first = shards[0].store
    for (const store of this.#stores) store.onDbUpdate(() => this.#updateListeners.notify('updates'))
  }

  get uuid(): string {
    return this.#first.uuid
  }

  createDatabase(name: string): Promise<'created' | 'exists'> {
    return this.#storeOf(name).createDatabase(name)
  }

  deleteDatabase(name: string): Promise<boolean> {
    return this.#storeOf(name).deleteDatabase(name)
  }

  database(name: string): Database | undefined {
    return this.#storeOf(name).database(name)
  }

  databaseNames(range: NameRange): string[] {
    return mergedNames(this.#stores, range)
  }

  dbUpdates(query: Parameters<Store['dbUpdates']>[0]): DbUpdate[] {
    return mergedUpdates(this.#stores, query)
  }

  updatesPlace(since: string): ReturnType<Store['updatesPlace']> {
    return mergedPlace(this.#stores, since)
  }

  updatesSequence(place: UpdatesPlace): string {
    return mergedSequence(this.#stores, place)
  }

  onDbUpdate(listener: () => void): () => void {
    return this.#updateListeners.add('updates', listener)
  }

  async forgetReplicationLogs(): Promise<void> {
    // The first before the others: a session that finds its log gone asks for the uuid again, and that is the first one's.
    await this.#first.forgetReplicationLogs()
    await Promise.all(this.#stores.map(store => store.forgetReplicationLogs()))
  }

  condition(): StoreCondition {
    const conditions = this.#stores.map(store => store.condition())
    const sum = (of: (condition: StoreCondition) => number) =>
      conditions.reduce((all, condition) => all + of(condition), 0)
    return {
      failure: this.#failureOf(conditions),
      waitingWrites: sum(({ waitingWrites }) => waitingWrites),
      waitedMs: Math.max(...conditions.map(({ waitedMs }) => waitedMs)),
      commits: sum(({ commits }) => commits),
      commitMs: sum(({ commitMs }) => commitMs),
      // Each has one that is ours.
      listeners: sum(({ listeners }) => listeners) - this.#stores.length + this.#updateListeners.size,
      fileBytes: sum(({ fileBytes }) => fileBytes),
      freeBytes: Math.min(...conditions.map(({ freeBytes }) => freeBytes)),
    }
  }

  #failureOf(conditions: readonly StoreCondition[]): string | undefined {
    const at = conditions.findIndex(({ failure }) => failure !== undefined)
    return at === -1 ? undefined : `${this.#shards[at]?.name}: ${conditions[at]?.failure}`
  }

  async tryWrite(): Promise<void> {
    await Promise.all(this.#stores.map(store => store.tryWrite()))
  }

  close(): Promise<void> {
    this.#closing ??= closeAll(this.#stores)
    return this.#closing
  }

  #storeOf(name: string): Store {
    const store = this.#stores[shardOf(name, this.#stores.length)]
    assert(store, 'a file for each name')
    return store
  }
}

/** Closes all, also when one of them fails to; then fails as that one did. */
export async function closeAll(stores: readonly Pick<Store, 'close'>[]): Promise<void> {
  const ends = await Promise.allSettled(stores.map(store => store.close()))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
