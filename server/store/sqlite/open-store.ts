import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Store } from '../store.ts'
import { StoreError } from '../store-error.ts'
import { Connection } from './connection.ts'
import { loadDriver, type OpenDatabase } from './driver.ts'
import { lockFile } from './file-lock.ts'
import { Listeners } from './listeners.ts'
import { prepareFile } from './prepare-file.ts'
import { realFile } from './real-file.ts'
import { refuseUnfinishedRestore } from './restore-mark.ts'
import type { ShardMark } from './shard-mark.ts'
import { SqliteStore } from './sqlite-store.ts'
import { WriterClient } from './writer-client.ts'

export type StoreOptions = {
  /** The store's file; it and its folder are made if they are not there. */
  readonly file: string
  /** Where lines about failures go. */
  readonly log?: ((line: string) => void) | undefined
  /** What the file is marked with, or is to be, if it is one of several: see ../sharded/. */
  readonly shard?: ShardMark | undefined
}

/** Opens the store, or refuses with a `StoreError` of one line. */
export async function openStore({ file, log = () => {}, shard }: StoreOptions): Promise<Store> {
  // SQLite takes an empty name for a database that is gone at its end.
  if (file === '') throw new StoreError("the store's file has no name")
  const open = await loadDriver()
  makeFolder(file)
  try {
    return await openLocked(open, { file: realFile(file), log, shard })
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    throw new StoreError(`${file} cannot be opened: ${messageOf(cause)}`, { cause })
  }
}

type Found = Pick<Prepared, 'file' | 'log' | 'shard'>

async function openLocked(open: OpenDatabase, { file, log, shard }: Found): Promise<Store> {
  const lock = lockFile(open, file)
  try {
    refuseUnfinishedRestore(file)
    refuseReadOnly(file)
    const uuid = prepareFile(open, file, shard)
    return await startStore(open, { file, log, shard, uuid, release: () => lock.release() })
  } catch (error) {
    lock.release()
    throw error
  }
}

type Prepared = {
  readonly file: string
  readonly log: (line: string) => void
  readonly shard: ShardMark | undefined
  readonly uuid: string
  readonly release: () => void
}

async function startStore(open: OpenDatabase, { file, log, shard, uuid, release }: Prepared): Promise<Store> {
  const listeners = new Listeners<number>()
  const updateListeners = new Listeners<'updates'>()
  const committed = (databases: readonly number[], updates: boolean) => {
    for (const db of databases) listeners.notify(db)
    if (updates) updateListeners.notify('updates')
  }
  const writer = await WriterClient.start(file, { committed, log })
  try {
    const reader = openReader(open, file, CACHE_KIB / (shard?.count ?? 1))
    return new SqliteStore({ file, uuid, reader, writer, listeners, updateListeners, release })
  } catch (error) {
    await writer.close()
    throw error
  }
}

/** Pages that the reading thread keeps, of all its files together. */
const CACHE_KIB = 65_536

function openReader(open: OpenDatabase, file: string, cacheKib: number): Connection {
  const reader = new Connection(open, file, { readOnly: true })
  const cache = `pragma cache_size = -${Math.ceil(cacheKib)}`
  reader.exec(`pragma busy_timeout = 5000; pragma query_only = 1; ${cache}`)
  return reader
}

function makeFolder(file: string): void {
  const folder = dirname(file)
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.R_OK | constants.W_OK)
  } catch (cause) {
    throw new StoreError(`the folder ${folder} cannot be written: ${messageOf(cause)}`, { cause })
  }
}

/** SQLite opens such a file too, and logs with the same rights: the server would run, and each write would fail. */
function refuseReadOnly(file: string): void {
  for (const path of ['', '-wal', '-shm'].map(suffix => `${file}${suffix}`)) {
    try {
      if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK)
    } catch (cause) {
      throw new StoreError(`${path} cannot be read and written: ${messageOf(cause)}`, { cause })
    }
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
