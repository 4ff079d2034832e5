import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import PouchDB from 'pouchdb-node'
import { messageOf, OperatorError } from '../operator-error.ts'

/** A document as PouchDB's types see it. */
export type Content = { readonly [member: string]: unknown }

type Database = PouchDB.Database<Content>

/** What a push or a pull moved. */
export type Moved = { readonly ids: readonly string[] }

/** Nothing may be silent for longer: then the network or the server is gone. */
const SILENCE_MS = 30_000

/**
 * A phone: a real PouchDB with its own LevelDB folder, and the user's databases on the server as an app opens
 * them. What is written here is on the phone alone until it is pushed.
 */
export class Phone {
  readonly local: Database
  readonly metrics: Database
  readonly #forget: () => void

  constructor() {
    const folder = makeFolder()
    this.local = new PouchDB<Content>(join(folder, 'workouts'))
    this.metrics = new PouchDB<Content>(join(folder, 'metrics'))
    // Whatever ends the demo, a Ctrl-C too, nothing of the phone stays behind. LevelDB may still be writing there.
    this.#forget = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    process.once('exit', this.#forget)
  }

  async close(): Promise<void> {
    await this.local.close()
    await this.metrics.close()
    this.#forget()
    process.off('exit', this.#forget)
  }
}

function makeFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'divan-demo-'))
  } catch (cause) {
    const line = `the phone finds no place in ${tmpdir()}: ${messageOf(cause)}; set TMPDIR to a folder this user may write`
    throw new OperatorError(line, { cause })
  }
}

/** A database on the server, opened with a token as an app does it. */
export function openRemote(url: string, token: string): Database {
  return new PouchDB<Content>(url, {
    fetch: (address, options = {}) => {
      const headers = new Headers(options.headers)
      headers.set('Authorization', `Bearer ${token}`)
      return PouchDB.fetch(address, { ...options, headers })
    },
  })
}

/** Writes documents as an app would. Those the phone has already stay as they are. */
export async function writeDocs(local: Database, docs: readonly object[]): Promise<void> {
  const results = await local.bulkDocs(docs.map(doc => ({ ...doc })))
  const refused = results.find(result => 'error' in result && result.name !== 'conflict')
  if (refused !== undefined) throw new Error(`the phone could not write: ${JSON.stringify(refused)}`)
}

/** Pushes what the server does not have. Rejects when the server refuses, or says nothing for too long. */
export async function push(
  local: Database,
  remote: Database,
  onProgress: (done: number, all: number) => void = () => {},
): Promise<Moved> {
  const { update_seq } = await local.info()
  const replication = local.replicate.to(remote, { batch_size: 50 })
  return await ended(replication, last => onProgress(Number(last), Number(update_seq)))
}

/** Pulls what the phone does not have. */
export async function pull(local: Database, remote: Database): Promise<Moved> {
  return await ended(local.replicate.from(remote))
}

async function ended(
  replication: PouchDB.Replication.Replication<Content>,
  onSeq: (last: unknown) => void = () => {},
): Promise<Moved> {
  const ids: string[] = []
  let isSilent = false
  const giveUp = () => {
    isSilent = true
    replication.cancel()
  }
  const timer = setTimeout(giveUp, SILENCE_MS)
  replication.on('change', change => {
    timer.refresh()
    ids.push(...change.docs.map(doc => doc._id))
    onSeq(change.last_seq)
  })
  try {
    await replication
  } finally {
    clearTimeout(timer)
  }
  if (isSilent) throw new Error(`nothing moved for ${SILENCE_MS / 1000} s`)
  return { ids }
}

/** Replication in both directions that goes on until it is closed, and by itself after an interruption. */
export type LiveSync = {
  /** Resolves when, for the first time, nothing is left to move. */
  readonly idle: Promise<void>
  /** Resolves when a later write of this document has reached the server. Ask before the write. */
  pushed(id: string): Promise<void>
  close(): Promise<void>
}

/** Keeps phone and server alike. */
export function liveSync(local: Database, remote: Database): LiveSync {
  const sync = local.sync(remote, { live: true, retry: true })
  const idle = new Promise<void>((resolve, reject) => {
    sync.on('paused', () => resolve())
    sync.on('denied', reject)
    sync.on('error', reject)
  })
  idle.catch(() => {})
  return {
    idle,
    pushed: id =>
      new Promise(resolve => {
        sync.on('change', ({ direction, change }) => {
          if (direction === 'push' && change.docs.some(doc => doc._id === id)) resolve()
        })
      }),
    async close() {
      sync.cancel()
      await sync.catch(() => {})
    },
  }
}
