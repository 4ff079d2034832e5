import { statfsSync, statSync } from 'node:fs'
import { BoundedMap } from '../../bounded-map.ts'
import { CouchError } from '../../couch-error.ts'
import type { Database, DbUpdate, NameRange, Store, StoreCondition, UpdatesPlace } from '../store.ts'
import type { Connection } from './connection.ts'
import { forgetReplicationLogs } from './forget-replication-logs.ts'
import type { Listeners } from './listeners.ts'
import { inOrder, inRange, sqlLimit } from './reader/id-range.ts'
import { readUpdatesIncarnations } from './reader/incarnations.ts'
import { IssuedSequences } from './reader/issued-sequences.ts'
import { PendingCounts } from './reader/pending-counts.ts'
import { type Shared, SqliteDatabase } from './sqlite-database.ts'
import type { WriterClient } from './writer-client.ts'

/** What a store is made of once its file is open. */
export type Parts = {
  readonly file: string
  readonly uuid: string
  readonly reader: Connection
  readonly writer: WriterClient
  readonly listeners: Listeners<number>
  readonly updateListeners: Listeners<'updates'>
  /** Gives the file back to other processes. */
  readonly release: () => void
}

/**
 * Databases whose numbers are known without a look into the file, which cost a seventh of what it takes to read a document. Only this
 * process deletes databases, and it forgets their numbers in the same moment in which every handle learns of it.
 */
const MAX_NUMBERS = 20_000

/** The store on one SQLite file: writes go to the writer's thread, reads are statements on this one. */
export class SqliteStore implements Store {
  readonly #parts: Parts
  readonly #shared: Shared
  readonly #sequences: IssuedSequences
  readonly #accepted = new Set<Promise<unknown>>()
  readonly #numbers = new BoundedMap<string, number>(MAX_NUMBERS)
  #uuid: string
  #deletions = 0
  #closing: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#uuid = parts.uuid
    this.#parts = parts
    this.#sequences = new IssuedSequences(() => readUpdatesIncarnations(parts.reader))
    this.#shared = {
      reader: parts.reader,
      writer: parts.writer,
      listeners: parts.listeners,
      counts: new PendingCounts(),
      deletions: () => this.#deletions,
      accept: write => this.#accept(write),
    }
  }

  get uuid(): string {
    return this.#uuid
  }

  createDatabase(name: string): Promise<'created' | 'exists'> {
    return this.#accept(() => this.#parts.writer.send<'createDatabase'>({ kind: 'createDatabase', name }))
  }

  deleteDatabase(name: string): Promise<boolean> {
    return this.#accept(async () => {
      const db = await this.#parts.writer.send<'deleteDatabase'>({ kind: 'deleteDatabase', name })
      if (db === undefined) return false
      // No row is removed before every handle knows that its database is gone.
      this.#deletions++
      this.#numbers.delete(name)
      this.#parts.writer.reap(db)
      return true
    })
  }

  database(name: string): Database | undefined {
    const db = this.#numbers.get(name) ?? this.#readNumber(name)
    return db === undefined ? undefined : new SqliteDatabase(this.#shared, db, name)
  }

  #readNumber(name: string): number | undefined {
    const row = this.#parts.reader.row<[number]>(
      'select db from databases where name = ? and deleted = 0',
      name,
    )
    if (row !== undefined) this.#numbers.set(name, row[0])
    return row?.[0]
  }

  databaseNames(query: NameRange): string[] {
    const range = inRange('name', query)
    const order = inOrder('name', query)
    const sql = `select name from databases where deleted = 0${range.sql}${order.sql}`
    return this.#parts.reader.rows<[string]>(sql, ...range.params, ...order.params).map(([name]) => name)
  }

  dbUpdates({ after: [after = 0], limit }: Parameters<Store['dbUpdates']>[0]): DbUpdate[] {
    return this.#parts.reader
      .rows<[number, string, DbUpdate['type']]>(
        'select n, name, type from updates where n > ? order by n limit ?',
        after,
        sqlLimit(limit),
      )
      .map(([n, name, type]) => ({ place: [n], name, type }))
  }

  updatesPlace(since: string): ReturnType<Store['updatesPlace']> {
    const { n, rewound } = this.#sequences.place(since)
    return { place: [n], rewound }
  }

  updatesSequence([n = 0]: UpdatesPlace): string {
    return this.#sequences.sequence(n)
  }

  onDbUpdate(listener: () => void): () => void {
    return this.#parts.updateListeners.add('updates', listener)
  }

  async forgetReplicationLogs(): Promise<void> {
    await this.#accept(async () => {
      // First: a session that finds its log gone asks for the uuid again.
      this.#uuid = await this.#parts.writer.send<'renewUuid'>({ kind: 'renewUuid' })
      await forgetReplicationLogs(this.#parts.writer)
    })
  }

  condition(): StoreCondition {
    const { writer, listeners, updateListeners, file } = this.#parts
    const { bavail, bsize } = statfsSync(file)
    return {
      ...writer.condition(),
      listeners: listeners.size + updateListeners.size,
      fileBytes: bytesOf(file) + bytesOf(`${file}-wal`),
      freeBytes: bavail * bsize,
    }
  }

  async tryWrite(): Promise<void> {
    await this.#accept(() => this.#parts.writer.send<'tryWrite'>({ kind: 'tryWrite' }))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    while (this.#accepted.size > 0) await Promise.allSettled(this.#accepted)
    this.#parts.reader.close()
    await this.#parts.writer.close()
    this.#parts.release()
  }

  #accept<Result>(write: () => Promise<Result>): Promise<Result> {
    if (this.#closing) return Promise.reject(new CouchError('service_unavailable', 'The store is closed.'))
    const accepted = write()
    this.#accepted.add(accepted)
    const forget = () => this.#accepted.delete(accepted)
    accepted.then(forget, forget)
    return accepted
  }
}

/** The log is not there before the first write. */
function bytesOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
