import type { Logger } from 'pino'
import { AnswerTooLarge, ServerError } from './couch-client.ts'

/** A database that cannot be mirrored, though the server and Postgres are there. */
export type Trouble = { readonly database: string; readonly since: Date; readonly reason: string }

/** What fails so often in a row has not just met the end of something else: a server that starts, a commit that was cut. */
const TROUBLED_AFTER = 3

/** More lines than these would bury each other, and the rest of the log. */
const MAX_NAMED = 20

/** So many databases that fail one after the other, with none that succeeds in between, must not be asked in a hurry. */
const MANY_IN_A_ROW = 20

type Failing = { readonly failures: number; readonly since: Date; readonly reason: string }

/**
 * The databases that fail for a reason of their own: the server answers 500 for one of them and is well otherwise, or nobody
 * foresaw it. It is said once for each when it begins and when it is over; they are tried again after pauses, and the others go on.
 * What nobody foresaw is said at once and in full: it may be a bug.
 */
export class TroubledDatabases {
  readonly #log: Logger
  readonly #failing = new Map<string, Failing>()
  /** Those of which a line tells that it has begun. */
  readonly #named = new Set<string>()
  readonly #inARow = new Set<string>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** Those that have failed often enough, the longest first. */
  get list(): readonly Trouble[] {
    return [...this.#failing]
      .filter(([, { failures }]) => failures >= TROUBLED_AFTER)
      .map(([database, { since, reason }]) => ({ database, since, reason }))
  }

  /** All that have failed last time. */
  get failing(): readonly string[] {
    return [...this.#failing.keys()]
  }

  /** Whether so many fail in a row that it is hardly each one's own trouble. */
  get areMany(): boolean {
    return this.#inARow.size >= MANY_IN_A_ROW
  }

  failed(database: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const { failures = 0, since = new Date() } = this.#failing.get(database) ?? {}
    this.#failing.set(database, { failures: failures + 1, since, reason })
    if (!this.areMany) this.#inARow.add(database)
    const isForeseen = error instanceof ServerError || error instanceof AnswerTooLarge
    if (!isForeseen) this.#nameTrouble('error', { database, err: error })
    else if (failures + 1 === TROUBLED_AFTER) this.#nameTrouble('warn', { database, reason })
  }

  succeeded(database: string): void {
    this.#inARow.clear()
    this.#forget(database)
  }

  /** Of those that have failed only these still have something to mirror. Returns the others: another bridge has mirrored them. */
  keep(dirty: ReadonlySet<string>): readonly string[] {
    const mirrored = this.failing.filter(database => !dirty.has(database))
    for (const database of mirrored) this.#forget(database)
    return mirrored
  }

  #nameTrouble(
    level: 'warn' | 'error',
    what: { readonly database: string; readonly [member: string]: unknown },
  ): void {
    if (this.#named.size >= MAX_NAMED || this.#named.has(what.database)) return
    this.#named.add(what.database)
    this.#log[level](what, 'a database cannot be mirrored; trying again until it can, others go on')
    if (this.#named.size < MAX_NAMED) return
    this.#log.warn(
      `${MAX_NAMED} databases cannot be mirrored; if more follow, only /health and /metrics tell`,
    )
  }

  #forget(database: string): void {
    const failing = this.#failing.get(database)
    this.#failing.delete(database)
    if (failing === undefined || !this.#named.delete(database)) return
    const seconds = Math.round((Date.now() - failing.since.getTime()) / 1000)
    this.#log.info({ database }, `a database is mirrored again, after ${seconds} s`)
  }
}
