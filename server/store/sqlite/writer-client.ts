import { Worker } from 'node:worker_threads'
import { CouchError, type ErrorWord } from '../../couch-error.ts'
import type { StoreCondition } from '../store.ts'
import type { Answer, Command, CommandKind, CommandOf, Report, Request, Results } from './commands.ts'
import { CompactionEnds } from './compaction-ends.ts'
import { noDatabase } from './no-database.ts'
import { packRequest } from './packed-request.ts'

export type WriterEvents = {
  /** After each commit, once its answers are given. */
  readonly committed: (databases: readonly number[], updates: boolean) => void
  readonly log: (line: string) => void
}

type Waiting = {
  readonly resolve: (result: Results[CommandKind]) => void
  readonly reject: (error: unknown) => void
}

type Pending = Waiting & { readonly since: number }

/** What the writer has done, and how it is. */
export type WriterCondition = Pick<
  StoreCondition,
  'failure' | 'waitingWrites' | 'waitedMs' | 'commits' | 'commitMs'
>

/** Not the mistake of who asked for a write: the next one may well meet the same. */
const FAILURES: readonly ErrorWord[] = ['insufficient_storage', 'internal_server_error']

/** The main thread's side of the writer: sends commands and settles their promises after the commit. */
export class WriterClient {
  readonly #worker: Worker
  readonly #events: WriterEvents
  readonly #pending = new Map<number, Pending>()
  readonly #compactions = new CompactionEnds()
  readonly #ended: Promise<void>
  #outbox: Request[] = []
  #requests = 0
  #refusal: CouchError | undefined
  #failure: string | undefined
  #answeredAt = 0
  #commits = 0
  #commitMs = 0

  private constructor(file: string, events: WriterEvents) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const entry = new URL(`./writer/writer-worker.${extension}`, import.meta.url)
    this.#worker = new Worker(entry, { workerData: file, name: 'store-writer' })
    this.#events = events
    this.#ended = new Promise(resolve => this.#worker.once('exit', () => resolve()))
  }

  /** Starts the writer on a file that has been prepared. */
  static async start(file: string, events: WriterEvents): Promise<WriterClient> {
    const client = new WriterClient(file, events)
    await new Promise<void>((resolve, reject) => {
      client.#worker.once('error', reject)
      client.#worker.once('message', () => resolve())
    })
    client.#listen()
    return client
  }

  /** Sends a command; resolves once it is on disk. */
  send<Kind extends CommandKind>(
    command: CommandOf<Kind> & Command,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Results[Kind]> {
    return new Promise<Results[CommandKind]>((resolve, reject) =>
      this.#ask(command, { resolve, reject }, transfer),
    ) as Promise<Results[Kind]>
  }

  /**
   * Asks for compaction; resolves once that is on disk. `ended` resolves with its end, and rejects if the database or the store comes to
   * its own before.
   */
  compact(db: number): Promise<{ readonly ended: Promise<void> }> {
    return new Promise((resolve, reject) => {
      const answered = (isRunning: Results[CommandKind]) =>
        resolve({ ended: isRunning ? this.#compactions.next(db) : Promise.resolve() })
      this.#ask({ kind: 'compact', db }, { resolve: answered, reject })
    })
  }

  condition(): WriterCondition {
    const [oldest] = this.#pending.values()
    return {
      failure: this.#refusal?.message ?? this.#failure,
      waitingWrites: this.#pending.size,
      waitedMs: oldest === undefined ? 0 : performance.now() - Math.max(oldest.since, this.#answeredAt),
      commits: this.#commits,
      commitMs: this.#commitMs,
    }
  }

  /** Lets the writer remove what a deleted database left. */
  reap(db: number): void {
    this.#compactions.abandon(db, noDatabase())
    if (this.#refusal === undefined) this.#post({ control: 'reap', db })
  }

  /** Refuses what is asked for from now on. What was accepted goes on. */
  refuse(reason: string): CouchError {
    this.#refusal ??= new CouchError('service_unavailable', reason)
    return this.#refusal
  }

  /** Ends the thread after the commands it has. */
  async close(): Promise<void> {
    const refusal = this.refuse('The store is closed.')
    this.#compactions.abandonAll(refusal)
    this.#post({ control: 'close' })
    await this.#ended
  }

  #ask(command: Command, waiting: Waiting, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#refusal !== undefined) {
      waiting.reject(this.#refusal)
      return
    }
    const request = ++this.#requests
    this.#pending.set(request, { ...waiting, since: performance.now() })
    this.#post({ request, command }, transfer)
  }

  /**
   * While the writer is busy, in one message with all that is asked for in the same turn of the event loop: a message costs as much as a
   * small document.
   */
  #post(request: Request, transfer: readonly ArrayBuffer[] = []): void {
    const isBusy = this.#pending.size > 1
    if (this.#outbox.push(request) === 1 && isBusy) setImmediate(() => this.#flush())
    if (!isBusy || transfer.length > 0) this.#flush(transfer)
  }

  #flush(transfer: readonly ArrayBuffer[] = []): void {
    if (this.#outbox.length === 0) return
    // Emptied first: one that cannot be posted would be tried again for ever, and everything behind it with it.
    const requests = this.#outbox
    this.#outbox = []
    this.#tryToPost(requests, transfer)
  }

  /** What cannot be cloned fails alone, whatever was asked for in the same turn. */
  #tryToPost(requests: readonly Request[], transfer: readonly ArrayBuffer[]): void {
    try {
      this.#worker.postMessage(requests.map(packRequest), transfer)
    } catch (error) {
      const [first] = requests
      if (requests.length > 1) {
        for (const one of requests) this.#tryToPost([one], one === requests.at(-1) ? transfer : [])
      } else if (first !== undefined && 'request' in first) this.#reject(first.request, error)
      else throw error
    }
  }

  #reject(request: number, error: unknown): void {
    this.#pending.get(request)?.reject(error)
    this.#pending.delete(request)
  }

  #listen(): void {
    this.#worker.on('message', (report: Report) => this.#receive(report))
    this.#worker.on('error', error => this.#events.log(`the store's writer died: ${error.stack ?? error}`))
    void this.#ended.then(() => this.#abandon())
  }

  #receive(report: Report): void {
    if (report.kind === 'log') this.#events.log(report.line)
    if (report.kind === 'compacted') this.#compactions.settle(report.db)
    if (report.kind !== 'committed') return
    if (report.ms !== undefined) {
      this.#commits++
      this.#commitMs += report.ms
    }
    if (report.answers.length > 0) this.#answeredAt = performance.now()
    for (const answer of report.answers) this.#settle(answer)
    this.#events.committed(report.changed, report.updates)
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.request)
    this.#pending.delete(answer.request)
    this.#failure = answer.ok || !FAILURES.includes(answer.word) ? undefined : answer.reason
    if (answer.ok) pending?.resolve(answer.result)
    else pending?.reject(new CouchError(answer.word, answer.reason))
  }

  /** Without its thread no write can be known to be stored: none is left waiting. */
  #abandon(): void {
    const refusal = this.refuse("The store's writer has stopped.")
    for (const { reject } of this.#pending.values()) reject(refusal)
    this.#pending.clear()
    this.#compactions.abandonAll(refusal)
  }
}
