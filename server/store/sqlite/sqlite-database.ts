import assert from 'node:assert/strict'
import { StoredTree } from '../rev-tree/stored-tree.ts'
import type {
  AttachmentBytes,
  AttachmentUpload,
  ChangeRow,
  ChangesQuery,
  Database,
  DatabaseFacts,
  DocRow,
  DocsQuery,
  Edit,
  LocalDoc,
  LocalDocRow,
  Place,
  Revision,
  RevsDiff,
  StoredDoc,
  WriteOutcome,
} from '../store.ts'
import type { RowsAsText, TextPage } from '../text-page.ts'
import { SqliteUpload } from './attachment-upload.ts'
import type { Command, CommandKind, CommandOf, Results } from './commands.ts'
import type { Connection } from './connection.ts'
import { forgetReplicationLogs } from './forget-replication-logs.ts'
import type { Listeners } from './listeners.ts'
import { purgeInSlices } from './purge-slices.ts'
import { readAttachment } from './reader/attachment-bytes.ts'
import { readLastBefore } from './reader/change-times.ts'
import { readFacts } from './reader/counts.ts'
import { readDoc, readDocsNamed, readDocWithWinner, readRevision } from './reader/docs.ts'
import { readIncarnations } from './reader/incarnations.ts'
import { IssuedSequences } from './reader/issued-sequences.ts'
import { type Listing, WHOLE } from './reader/listing.ts'
import { readLocalDoc, readLocalDocs } from './reader/local-docs.ts'
import type { PendingCounts } from './reader/pending-counts.ts'
import { readRevsDiff } from './reader/revs-diff.ts'
import { typeListing } from './reader/type-listing.ts'
import { writeInSlices } from './write-slices.ts'
import type { WriterClient } from './writer-client.ts'

/** What a handle shares with its store. */
export type Shared = {
  readonly reader: Connection
  readonly writer: WriterClient
  readonly listeners: Listeners<number>
  readonly counts: PendingCounts
  /** How many databases were deleted since the store was opened: a handle looks again only when it has moved. */
  readonly deletions: () => number
  /** Lets `close()` wait for a write. */
  readonly accept: <Result>(write: () => Promise<Result>) => Promise<Result>
}

/** A handle: a name, a number and nothing that the engine holds. */
export class SqliteDatabase implements Database {
  readonly name: string
  readonly #db: number
  readonly #shared: Shared
  readonly #listing: Listing
  readonly #sequences: IssuedSequences
  #deletionsSeen: number

  constructor(shared: Shared, db: number, name: string, listing = WHOLE) {
    this.#shared = shared
    this.#listing = listing
    this.#db = db
    this.name = name
    this.#deletionsSeen = shared.deletions()
    this.#sequences = new IssuedSequences(
      () => readIncarnations(this.#reader(), db),
      time => readLastBefore(this.#reader(), db, time),
    )
  }

  ofType(type: string): Database {
    return new SqliteDatabase(this.#shared, this.#db, this.name, typeListing(type))
  }

  facts(): DatabaseFacts {
    return this.#listing.facts(this.#reader(), this.#db)
  }

  atOnce<Result>(read: () => Result): Result {
    return this.#reader().atOnce(read)
  }

  async write(edits: readonly Edit[]): Promise<WriteOutcome[]> {
    this.#reader()
    return this.#shared.accept(() => writeInSlices(this.#shared.writer, this.#db, edits))
  }

  doc(id: string, { withWinner } = { withWinner: false }): StoredDoc | undefined {
    return withWinner
      ? readDocWithWinner(this.#reader(), this.#db, id)
      : readDoc(this.#reader(), this.#db, id)
  }

  docsNamed(ids: readonly string[]): (StoredDoc | undefined)[] {
    return readDocsNamed(this.#reader(), this.#db, ids)
  }

  revision({ tree, winner }: StoredDoc, rev: string): Revision | undefined {
    if (winner?.rev === rev) return winner
    assert(tree instanceof StoredTree, 'a document of this store')
    const reader = this.#reader()
    const seq = tree.seqOf(rev)
    return seq === undefined ? undefined : readRevision(reader, this.#db, seq)
  }

  docs(query: DocsQuery): DocRow[] {
    return this.#listing.docs(this.#reader(), this.#db, query)
  }

  docsText(query: DocsQuery, as: RowsAsText): TextPage<string> {
    return this.#listing.docsText(this.#reader(), this.#db, query, as)
  }

  offset(query: Pick<DocsQuery, 'startKey' | 'descending'>): number | undefined {
    return this.#listing.offset(this.#reader(), this.#db, query)
  }

  revsDiff(revs: ReadonlyMap<string, readonly string[]>): Map<string, RevsDiff> {
    return readRevsDiff(this.#reader(), this.#db, revs)
  }

  changes(query: ChangesQuery): ChangeRow[] {
    return this.#listing.changes(this.#reader(), this.#db, query)
  }

  changesText(query: ChangesQuery, as: RowsAsText): TextPage<number> {
    return this.#listing.changesText(this.#reader(), this.#db, { query, as, sequences: this.#sequences })
  }

  pending(n: number, descending = false): number {
    const { counts } = this.#shared
    return this.#listing.pending(this.#reader(), this.#db, { n, descending, counts })
  }

  place(since: string): Place {
    return this.#sequences.place(since)
  }

  sequence(n: number): string {
    return this.#sequences.sequence(n)
  }

  onChange(listener: () => void): () => void {
    this.#reader()
    return this.#shared.listeners.add(this.#db, listener)
  }

  attachment(digest: string): AttachmentBytes | undefined {
    return readAttachment(this.#reader(), this.#db, digest)
  }

  localDoc(id: string): LocalDoc | undefined {
    return readLocalDoc(this.#reader(), this.#db, id)
  }

  async writeLocalDoc(
    id: string,
    rev: string | undefined,
    body: string | null,
  ): Promise<{ readonly rev: string }> {
    return { rev: await this.#send<'writeLocalDoc'>({ kind: 'writeLocalDoc', db: this.#db, id, rev, body }) }
  }

  localDocs(query: DocsQuery): LocalDocRow[] {
    return readLocalDocs(this.#reader(), this.#db, query)
  }

  async forgetReplicationLogs(): Promise<void> {
    this.#reader()
    await this.#shared.accept(() => forgetReplicationLogs(this.#shared.writer, this.#db))
  }

  async setRevsLimit(limit: number): Promise<void> {
    await this.#send<'setRevsLimit'>({ kind: 'setRevsLimit', db: this.#db, limit })
  }

  async purge(revs: ReadonlyMap<string, readonly string[]>) {
    this.#reader()
    return this.#shared.accept(() => purgeInSlices(this.#shared.writer, this.#db, revs))
  }

  async compact(): Promise<void> {
    const { ended } = await this.#askCompaction()
    await ended
  }

  async askCompaction(): Promise<void> {
    const { ended } = await this.#askCompaction()
    ended.catch(() => {})
  }

  upload(): AttachmentUpload {
    this.#reader()
    return new SqliteUpload(this.#db, async (command, transfer) => this.#send(command, transfer))
  }

  /** Only the asking is a write that `close` waits for: what is not done then goes on after the next start. */
  async #askCompaction(): Promise<{ readonly ended: Promise<void> }> {
    this.#reader()
    return this.#shared.accept(() => this.#shared.writer.compact(this.#db))
  }

  #send<Kind extends CommandKind>(
    command: CommandOf<Kind> & Command,
    transfer?: readonly ArrayBuffer[],
  ): Promise<Results[Kind]> {
    this.#reader()
    return this.#shared.accept(() => this.#shared.writer.send<Kind>(command, transfer))
  }

  /** The connection to read with, if the database is still there. */
  #reader(): Connection {
    const deletions = this.#shared.deletions()
    if (deletions !== this.#deletionsSeen) {
      readFacts(this.#shared.reader, this.#db)
      this.#deletionsSeen = deletions
    }
    return this.#shared.reader
  }
}
