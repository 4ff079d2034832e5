import type { ErrorWord } from '../../couch-error.ts'
import type { Edit } from '../store.ts'

/** What the main thread asks of the writer. A new kind of write is a member here and a function in the writer. */
export type Command =
  | { readonly kind: 'createDatabase'; readonly name: string }
  | { readonly kind: 'deleteDatabase'; readonly name: string }
  | { readonly kind: 'write'; readonly db: number; readonly edits: readonly Edit[] }
  | {
      readonly kind: 'writeLocalDoc'
      readonly db: number
      readonly id: string
      readonly rev: string | undefined
      readonly body: string | null
    }
  /** Of the databases numbered `db` to `to`; of the first one only the local docs after `id`. */
  | ({ readonly kind: 'forgetReplicationLogs'; readonly to: number } & ForgetFrom)
  /** Of the whole store; once in a run. */
  | { readonly kind: 'renewUuid' }
  | { readonly kind: 'tryWrite' }
  | { readonly kind: 'setRevsLimit'; readonly db: number; readonly limit: number }
  | { readonly kind: 'purge'; readonly db: number; readonly revs: ReadonlyMap<string, readonly string[]> }
  | { readonly kind: 'compact'; readonly db: number }
  | { readonly kind: 'openUpload'; readonly db: number }
  /** Bytes of an upload from its chunk number `first` on; all but the last are whole chunks. */
  | {
      readonly kind: 'writeUpload'
      readonly key: number
      readonly first: number
      readonly data: Uint8Array
    }
  /** Gives up what no edit took. */
  | { readonly kind: 'closeUpload'; readonly key: number }

export type ForgetFrom = { readonly db: number; readonly id: string }

export type CommandKind = Command['kind']
export type CommandOf<Kind extends CommandKind> = Extract<Command, { readonly kind: Kind }>

/** What each kind answers. */
export type Results = {
  createDatabase: 'created' | 'exists'
  /** The number of the database that is gone. */
  deleteDatabase: number | undefined
  write: readonly (string | Refusal)[]
  writeLocalDoc: string
  /** Where to go on; undefined: that was all. */
  forgetReplicationLogs: ForgetFrom | undefined
  /** The uuid that holds now. */
  renewUuid: string
  tryWrite: undefined
  setRevsLimit: undefined
  /** The revisions that were purged, and how many documents of the list are done: at least one. */
  purge: { readonly purged: ReadonlyMap<string, readonly string[]>; readonly done: number }
  /** True: a report will tell of its end. False: no document changed since the last one. */
  compact: boolean
  /** The upload's key. */
  openUpload: number
  writeUpload: undefined
  closeUpload: undefined
}

/** One edit that was refused; a stored one answers its rev. */
export type Refusal = { readonly error: 'conflict' | 'missing_stub'; readonly reason: string }

/**
 * Main thread to writer, some in one message. `reap` and `close` are answered by no report of their own. `reap`: every handle knows that this database is
 * gone, so that its rows may be removed.
 */
export type Request =
  | { readonly request: number; readonly command: Command }
  | { readonly control: 'reap'; readonly db: number }
  | { readonly control: 'close' }

export type Answer = { readonly request: number } & (
  | { readonly ok: true; readonly result: Results[CommandKind] }
  | { readonly ok: false; readonly word: ErrorWord; readonly reason: string }
)

/** Writer to main thread: after it opened the file, and after each commit. */
export type Report =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'committed'
      readonly answers: readonly Answer[]
      /** Databases whose update seq moved. */
      readonly changed: readonly number[]
      /** True if `_db_updates` has something new. */
      readonly updates: boolean
      /** How long the commit took; undefined if there was none. */
      readonly ms?: number | undefined
    }
  /** A database's compaction has come to its end. */
  | { readonly kind: 'compacted'; readonly db: number }
  | { readonly kind: 'log'; readonly line: string }
