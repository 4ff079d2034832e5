import type { RowsAsText, TextPage } from './text-page.ts'

/**
 * The contract of the document store. It knows databases, documents, revisions and sequences; it knows nothing of
 * HTTP, of users or of what a document means.
 *
 * Two rules hold for every method:
 * - What returns a promise is a write. It resolves after the transaction that holds it is on disk, and writes of all
 *   databases that arrive while a commit is under way share the next one. Two promises mean something else, as they say themselves:
 *   `AttachmentUpload.write` (there is room for more) and `Database.compact` (its end).
 * - What returns a value is a read. It sees every write acknowledged before the call, runs to its end without
 *   waiting, and is bounded by the caller's `limit`, by bytes and by rows (10,000): long answers are read page by page, so that no read
 *   holds a snapshot while a slow client takes its time.
 *
 * Bodies travel as JSON text, never as objects: what was written is spliced into the answer as it is.
 */
export interface Store {
  /**
   * 32 hex digits, the same after a restart. PouchDB makes the names of its replication logs from it each time a session begins, so
   * it is another one once the store is known to have gone back in time (`forgetReplicationLogs`, a restore): then no log that
   * was begun before, and that a living session may still write, is read by any later one. To be read anew for each use.
   */
  readonly uuid: string
  /** Makes an empty database. The name is the caller's to check. */
  createDatabase(name: string): Promise<'created' | 'exists'>
  /** Forgets a database and all that is in it; its rows are removed later, in slices. False if there was none. */
  deleteDatabase(name: string): Promise<boolean>
  /** A light handle, good for one request. Undefined if there is no such database. */
  database(name: string): Database | undefined
  /** Names in byte order. */
  databaseNames(range: NameRange): string[]
  /**
   * One page of the databases that changed, one entry per database at its last change, oldest change first. In a store of several
   * files that order holds within each of them. A page may be shorter than its limit: only an empty one is the end.
   */
  dbUpdates(query: { readonly after: UpdatesPlace; readonly limit: number }): DbUpdate[]
  /** The store-wide update log's own sequence: see `Database.place` and `Database.sequence`. */
  updatesPlace(since: string): { readonly place: UpdatesPlace; readonly rewound: boolean }
  updatesSequence(place: UpdatesPlace): string
  /** Calls back after each commit that changed any database; never synchronously. Returns how to stop. */
  onDbUpdate(listener: () => void): () => void
  /** `Database.forgetReplicationLogs` for all databases, and a new `uuid`: for when it is known that the store went back in time. */
  forgetReplicationLogs(): Promise<void>
  /** How the store is at this moment; a matter of microseconds. */
  condition(): StoreCondition
  /** Writes to the disk and changes nothing. Fails as any other write would now. */
  tryWrite(): Promise<void>
  /**
   * Ends after the last accepted write is on disk. Writes asked for later are refused with `service_unavailable`, and so is who waits
   * for the end of a compaction: that goes on after the next start.
   */
  close(): Promise<void>
}

export type StoreCondition = {
  /** What the last write met, if that was no fault of its own: a full disk, a writer that has died. */
  readonly failure: string | undefined
  /** Writes that are accepted and not answered, and for how long none was while some waited. */
  readonly waitingWrites: number
  readonly waitedMs: number
  /** Commits since the store was opened, and how long all of them took together. */
  readonly commits: number
  readonly commitMs: number
  /** Who waits for changes: live feeds, mostly. */
  readonly listeners: number
  /** Of the file with its log, and what its disk still has. */
  readonly fileBytes: number
  readonly freeBytes: number
}

export type NameRange = {
  readonly startKey?: string | undefined
  /** False leaves the row at `startKey` out: that is how a next page begins. */
  readonly inclusiveStart?: boolean | undefined
  readonly endKey?: string | undefined
  readonly inclusiveEnd?: boolean | undefined
  readonly descending?: boolean | undefined
  readonly skip?: number | undefined
  readonly limit: number
}

/**
 * How far the log of updates was read: a number for each of the store's files. The store makes it and takes it back; to anyone else it
 * says nothing.
 */
export type UpdatesPlace = readonly number[]

export type DbUpdate = {
  readonly place: UpdatesPlace
  readonly name: string
  readonly type: 'created' | 'updated' | 'deleted'
}

/** Where a `since` leads: continue after `n`; `rewound` if that is earlier than what was asked for. */
export type Place = { readonly n: number; readonly rewound: boolean }

/** One database. All of its methods throw `CouchError('not_found')` once the database is deleted. */
export interface Database {
  readonly name: string
  /**
   * The same database, of which only one type is listed and counted. An id is of a type if it is the type, or begins with it and a
   * colon. `docCount` and `docDelCount`, `docs`, `offset`, `changes` and `pending` are those of the type; all else, also what is read and
   * written by id, is the whole database's, and so are its sequences: `onChange` calls back for changes of other types, too. The counts are
   * made when these members of `facts` are read, and cost as much as the type has documents.
   */
  ofType(type: string): Database
  facts(): DatabaseFacts
  /**
   * Runs reads of this store as one: they see the same moment, also while the writer goes on. For reads that belong together, as a
   * document and a body of it. `read` must not wait for anything.
   */
  atOnce<Result>(read: () => Result): Result

  /**
   * Applies edits in their order, each one for itself: a refused one leaves the others alone. The outcomes stand in
   * the order of the edits. Two edits of one document in a list see each other.
   *
   * A long list is committed in parts, between which other databases have their turn. So when it is rejected, because a disk is full
   * or the database was deleted meanwhile, its first edits may be stored.
   */
  write(edits: readonly Edit[]): Promise<WriteOutcome[]>

  /** The rev tree and place of a document, deleted ones too; if asked for, with its winner, in one read. */
  doc(id: string, asked?: { readonly withWinner: boolean }): StoredDoc | undefined
  /**
   * Named documents with their winners, deleted ones too, in the order of their ids; undefined where there is none. About a mebibyte of them:
   * what a shorter list left out is to be asked for again.
   */
  docsNamed(ids: readonly string[]): (StoredDoc | undefined)[]
  /**
   * The body of one revision, or undefined if only its name is known. A body that `doc` still knew may have been dropped since, by
   * stemming, compaction or purge: read both `atOnce`.
   */
  revision(doc: StoredDoc, rev: string): Revision | undefined
  /**
   * Documents by id, one row per live document in the range, at most `limit` of them or about a mebibyte. Of a type a page may be shorter:
   * only an empty one is the end.
   */
  docs(query: DocsQuery): DocRow[]
  /** `docs` as text; see `changesText`. */
  docsText(query: DocsQuery, as: RowsAsText): TextPage<string>
  /** How many live documents stand before this id (or, descending, after it); undefined for more than 10,000, which take long to count. */
  offset(query: Pick<DocsQuery, 'startKey' | 'descending'>): number | undefined
  /** What a peer's revisions are missing here, for the ids that miss any. */
  revsDiff(revs: ReadonlyMap<string, readonly string[]>): Map<string, RevsDiff>

  /**
   * One page of the changes feed: at most `limit` rows or about a mebibyte of bodies, and at least one row if any. Of a type it may pass
   * over everything: `upTo` bounds what one page costs, and no row then means that there is none up to there.
   */
  changes(query: ChangesQuery): ChangeRow[]
  /** `changes` as text, whose rows are few enough for one piece: at most `limit`, of which none but the odd ones is large. See text-page.ts. */
  changesText(query: ChangesQuery, as: RowsAsText): TextPage<number>
  /** How many rows a feed still holds after (descending: before) this place. */
  pending(n: number, descending?: boolean): number
  /** Reads a sequence as it stands on the wire (`<n>-<epoch>`, `0`, `now`), or a time (RFC 3339): see sequences.ts. */
  place(since: string): Place
  /** The wire form of a place in this database. */
  sequence(n: number): string
  /** Calls back after each commit that changed this database; never synchronously. Returns how to stop. */
  onChange(listener: () => void): () => void

  /** The bytes of an attachment, in chunks. Undefined if no stored revision has it. */
  attachment(digest: string): AttachmentBytes | undefined
  /** Begins to receive an attachment whose bytes are too many to be held in memory. */
  upload(): AttachmentUpload

  /** A local document's current text and rev (`0-N`). `id` is without `_local/`. */
  localDoc(id: string): LocalDoc | undefined
  /** `rev` must be that of the current version, or be absent if there is none; else `conflict`. Null deletes. */
  writeLocalDoc(id: string, rev: string | undefined, body: string | null): Promise<{ readonly rev: string }>
  /** One page of local docs by id: at most `limit` of them or about a mebibyte, and at least one if any. */
  localDocs(query: DocsQuery): LocalDocRow[]
  /**
   * Deletes the local docs in which replicating clients note how far they are (replication logs). Their word is only good for the
   * history they were written in: with those of a restored database a client skips what it had pushed after the backup. Once in a
   * run of the store; later calls change nothing. It is many transactions and resolves after the last one: what a crash cuts off is
   * not gone on with by itself, it must be asked for again.
   */
  forgetReplicationLogs(): Promise<void>

  /** How many ancestors of a leaf are remembered, from the next write of a document on. */
  setRevsLimit(limit: number): Promise<void>
  /**
   * Drops the bodies of all revisions that are no leaf, but for the last live one of a deleted document. It works in slices between the
   * writes of others. Resolves when all that had changed at the call is compacted; a later call moves that end for all who wait.
   * Rejects with `not_found` when the database is deleted before, and with `service_unavailable` when the store is closed or its writer
   * dies: then it goes on after the next start.
   */
  compact(): Promise<void>
  /** Asks for the same and waits only until it is certain to be done: `DatabaseFacts.isCompacting` tells of its end. */
  askCompaction(): Promise<void>
  /**
   * Forgets leaves, and the ancestors that no other leaf has, as if they had never been; a document without a leaf is gone, and no feed
   * tells of it. Answers the revs that were leaves and are forgotten now. A long list is committed in parts, as by `write`.
   */
  purge(revs: ReadonlyMap<string, readonly string[]>): Promise<ReadonlyMap<string, readonly string[]>>
}

export type DatabaseFacts = {
  readonly docCount: number
  readonly docDelCount: number
  /** The last change's number; `sequence(updateSeq)` is its wire form. */
  readonly updateSeq: number
  /** Bytes of the documents' current bodies and attachments; of all that is stored. */
  readonly activeBytes: number
  readonly storedBytes: number
  readonly revsLimit: number
  readonly purgeSeq: number
  readonly isCompacting: boolean
}

/**
 * A document to store. `body` is a JSON object's text without any member that starts with `_`, but for a replicator's `_replication_…`.
 * - `interactive`: a client's own edit on top of `parent`; refused with `conflict` unless `parent` is a leaf, or is
 *   absent and the document does not exist or is deleted. The store makes the new rev.
 * - `replicated`: a revision that was made elsewhere, with its ancestors, newest first. It is merged into the rev
 *   tree and never conflicts; one whose body is there already is a success that changes nothing. One that is known by name only, as
 *   after compaction, gets its body, and that is a change (CouchDB does the same); no peer sends it, because `revsDiff` does not ask for it.
 */
export type Edit = {
  readonly id: string
  readonly deleted: boolean
  readonly body: string
  readonly attachments?: readonly AttachmentEdit[] | undefined
} & (
  | {
      readonly kind: 'interactive'
      readonly parent?: string | undefined
      /** Enters the sig of the new rev, and is stored nowhere else: who knows it can recognize the revision as his own; see edit-sig.ts. */
      readonly salt?: string | undefined
      /** 16 hex digits that the sig ends with, so that the revision is found again whatever it was made on top of. */
      readonly mark?: string | undefined
    }
  | { readonly kind: 'replicated'; readonly revisions: Revisions }
)

/**
 * A rev and its ancestors as CouchDB's `_revisions` has them: `start` is the newest one's pos; `ids` are the sigs, newest first. Any text,
 * also none, is a sig.
 */
export type Revisions = { readonly start: number; readonly ids: readonly string[] }

/** An attachment that comes with its bytes or was uploaded before, or a stub that stands for one this database has already. */
export type AttachmentEdit = {
  readonly name: string
  readonly contentType: string
  /** `md5-<base64>`: what the client claims of a stub, if it does. With its bytes the store works it out, and this is not looked at. */
  readonly digest?: string | undefined
  readonly revpos?: number | undefined
  /** The bytes. Without these and without an upload: a stub. */
  readonly data?: Uint8Array | undefined
  readonly upload?: Upload | undefined
}

/** An attachment that waits in the store for the document it belongs to. One edit takes it; for later ones it is a known digest. */
export type Upload = { readonly key: number; readonly digest: string; readonly length: number }

/** An attachment on its way in. What no edit took is removed: when it is closed, and after a crash at the next start. */
export interface AttachmentUpload {
  /**
   * Takes the next bytes, which must not change afterwards. Resolves when there is room for more, which says nothing of the disk:
   * what could not be stored rejects a later call, `finish` at the latest.
   */
  write(bytes: Uint8Array): Promise<void>
  /** After the last bytes are stored: what an edit names. */
  finish(): Promise<Upload>
  /** To be called in any case. Gives up what no edit took; harmless after one did. */
  close(): Promise<void>
}

export type WriteOutcome =
  | { readonly ok: true; readonly id: string; readonly rev: string }
  | {
      readonly ok: false
      readonly id: string
      readonly error: 'conflict' | 'missing_stub'
      readonly reason: string
    }

/** A leaf of a rev tree. */
export type Leaf = { readonly rev: string; readonly deleted: boolean }

/** What the store knows of a document without its body. */
export type StoredDoc = {
  readonly id: string
  /** The number of its last change. */
  readonly seq: number
  /** The server's time of that change, epoch milliseconds; never lower than that of an earlier change. */
  readonly time: number
  readonly tree: RevTree
  /** The winner with its body, if it was asked for: `Database.revision` of it reads nothing more. */
  readonly winner?: Revision | undefined
}

/** A document's history. Packed for the usual linear one, a tree only where it branches: the reader need not care. */
export interface RevTree {
  /** The leaf that reads return: not deleted before deleted, then the longest, then the highest. */
  readonly winner: Leaf
  /** All leaves, the winner first, then in winning order. */
  leaves(): readonly Leaf[]
  /** True if this rev is known, with a body or only by name. */
  has(rev: string): boolean
  /** The rev and its known ancestors. Undefined for an unknown rev. */
  revisions(rev: string): Revisions | undefined
  /** The number of the change that brought a rev's body. Undefined for a rev that is unknown or known only by name. */
  seqOf(rev: string): number | undefined
  /** The leaves that descend from a rev (itself, if it is one): what `latest=true` asks for. */
  leavesOf(rev: string): readonly Leaf[]
  /** The rev and its known ancestors with what is known of each, newest first: `_revs_info`. Empty for an unknown rev. */
  revsInfo(
    rev: string,
  ): readonly { readonly rev: string; readonly status: 'available' | 'missing' | 'deleted' }[]
}

/** One revision with its body. */
export type Revision = {
  readonly rev: string
  readonly deleted: boolean
  /** JSON object text without underscore members. */
  readonly body: string
  /** Undefined if it has none. In the order they were given. */
  readonly attachments: readonly Attachment[] | undefined
}

/** An attachment as a revision names it. */
export type Attachment = {
  readonly name: string
  readonly contentType: string
  /** `md5-<base64>` of the bytes. */
  readonly digest: string
  readonly length: number
  /** The pos of the revision that brought it. */
  readonly revpos: number
}

export type AttachmentBytes = {
  readonly length: number
  /** The bytes from `start` up to but not including `end`, in chunks; each step is a short read of its own. */
  read(range?: { readonly start: number; readonly end: number }): Iterable<Uint8Array>
}

export type DocsQuery = NameRange & {
  readonly withBodies: boolean
}

/** A live document of `docs`, at its winning rev. */
export type DocRow = {
  readonly id: string
  readonly rev: string
  readonly seq: number
  /** Only with `withBodies`. */
  readonly revision: Revision | undefined
}

export type RevsDiff = {
  readonly missing: readonly string[]
  /** Leaves here that are older than the newest missing one: the peer may have built on them. */
  readonly possibleAncestors: readonly string[]
}

export type ChangesQuery = {
  /** Ascending: rows with a number above it. Descending: rows with a number below it; `Infinity` starts at the end. */
  readonly after: number
  /** Only rows up to this number. Descending: down to it. */
  readonly upTo?: number | undefined
  readonly limit: number
  readonly descending?: boolean | undefined
  /** With the winner's body. */
  readonly withBodies?: boolean | undefined
  /** With the last live body of deleted documents. */
  readonly withLastLive?: boolean | undefined
  /** Only these documents. A set, because a live feed asks with the same ones at every change, and there may be many. */
  readonly ids?: ReadonlySet<string> | undefined
}

export type ChangeRow = {
  readonly n: number
  readonly id: string
  /** The winner and whether the document is deleted. */
  readonly rev: string
  readonly deleted: boolean
  /** All leaves, the winner first, if there is more than one; undefined for the usual single leaf. */
  readonly leaves: readonly Leaf[] | undefined
  readonly time: number
  /** Only with `withBodies`. */
  readonly revision: Revision | undefined
  /** Only with `withLastLive` and for a deleted document: the winner's last live revision, if it was ever live here. */
  readonly lastLive: Revision | undefined
}

export type LocalDoc = { readonly id: string; readonly rev: string; readonly body: string }

/** A local doc of `localDocs`. */
export type LocalDocRow = Omit<LocalDoc, 'body'> & {
  /** Only with `withBodies`. */
  readonly body: string | undefined
}
