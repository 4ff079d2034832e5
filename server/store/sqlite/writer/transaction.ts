import { randomBytes } from 'node:crypto'
import type { DbUpdate } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { newEpoch } from '../new-epoch.ts'
import { type DatabaseState, readState, writeState } from './database-state.ts'

/**
 * One run of the writer: a database takes a new epoch at its first commit in each. `lastAttachmentKey` and `uploads` change before the
 * commit and stay so after a rollback. That is harmless: a key that was skipped is missed by nobody; one of an upload that was rolled
 * back was told to nobody; one that was to be closed is removed, as was asked.
 */
export type Run = {
  readonly id: string
  updatesEpochTaken: boolean
  /** No key is given to two attachments in one run: who still reads the first would be given bytes of the second. */
  lastAttachmentKey: number
  /** The attachments that are received now, by their keys. */
  readonly uploads: Set<number>
}

/** What a writer begins with. */
export function newRun(): Run {
  return {
    id: randomBytes(8).toString('hex'),
    updatesEpochTaken: false,
    lastAttachmentKey: 0,
    uploads: new Set(),
  }
}

/** What a transaction changed, for those who wait for changes. */
export type Changed = { readonly databases: readonly number[]; readonly updates: boolean }

/**
 * The databases that one transaction changes. Everything it knows is dropped if the transaction fails, so no counter in memory can
 * differ from the file.
 */
export class Transaction {
  readonly connection: Connection
  readonly now = Date.now()
  readonly #run: Run
  readonly #states = new Map<number, DatabaseState>()
  readonly #changed = new Set<number>()
  readonly #updates = new Map<string, DbUpdate['type']>()
  /** The database of the last entry of `#updates`, if that is a change: the next one there adds nothing. */
  #lastChanged: DatabaseState | undefined

  constructor(connection: Connection, run: Run) {
    this.connection = connection
    this.#run = run
  }

  /** A database's counters, to read and to change. */
  database(db: number): DatabaseState {
    const known = this.#states.get(db)
    if (known !== undefined) return known
    const state = readState(this.connection, db)
    this.#states.set(db, state)
    return state
  }

  /** The number and time of a database's next change. */
  nextSeq(state: DatabaseState): number {
    const seq = state.updateSeq + 1
    if (state.run !== this.#run.id) {
      this.startEpoch(state.db, seq)
      state.run = this.#run.id
    }
    state.updateSeq = seq
    state.lastTime = Math.max(state.lastTime, this.now)
    if (state !== this.#lastChanged) this.#noteChange(state)
    return seq
  }

  #noteChange(state: DatabaseState): void {
    this.#changed.add(state.db)
    this.#noteUpdate(state.name, 'updated')
    this.#lastChanged = state
  }

  startEpoch(db: number, first: number): void {
    this.connection.run('insert into epochs values (?, ?, ?)', db, first, newEpoch())
  }

  get run(): Run {
    return this.#run
  }

  get runId(): string {
    return this.#run.id
  }

  /** A database was made or deleted: an entry of the update log. */
  noteUpdate(name: string, type: 'created' | 'deleted'): void {
    this.#noteUpdate(name, type)
    this.#lastChanged = undefined
  }

  #noteUpdate(name: string, type: DbUpdate['type']): void {
    this.#updates.delete(name)
    this.#updates.set(name, type)
  }

  /** Forgets a database that this transaction deletes; who waits for its changes is told. */
  forget(db: number): void {
    this.#states.delete(db)
    this.#changed.add(db)
  }

  /** Writes the counters and the update log: the last statements before the commit. */
  finish(): Changed {
    for (const state of this.#states.values()) writeState(this.connection, state)
    this.#writeUpdates()
    return { databases: [...this.#changed], updates: this.#updates.size > 0 }
  }

  #writeUpdates(): void {
    if (this.#updates.size === 0) return
    let n = this.connection.row<[number]>('select coalesce(max(n), 0) from updates')?.[0] ?? 0
    if (!this.#run.updatesEpochTaken) this.startEpoch(0, n + 1)
    for (const [name, type] of this.#updates) {
      this.connection.run(
        'insert into updates values (?1, ?2, ?3) on conflict (name) do update set n = ?2, type = ?3',
        name,
        ++n,
        type,
      )
    }
  }
}
