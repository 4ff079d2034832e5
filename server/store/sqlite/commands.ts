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

export type CommandKind = Command['kind']
export type CommandOf<Kind extends CommandKind> = Extract<Command, { readonly kind: Kind }>

/** What each kind answers. */
export type Results = {
  createDatabase: 'created' | 'exists'
  deleteDatabase: boolean
  write: readonly (string | Refusal)[]
  writeLocalDoc: string
}

/** One edit that was refused; a stored one answers its rev. */
export type Refusal = { readonly error: 'conflict' | 'missing_stub'; readonly reason: string }

/** Main thread to writer. `reap` and `close` are answered by no report of their own. */
export type Request =
  | { readonly request: number; readonly command: Command }
  | { readonly control: 'reap' | 'close' }

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
    }
  | { readonly kind: 'log'; readonly line: string }
