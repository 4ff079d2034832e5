import type { CommandKind } from '../commands.ts'

/** How long chores stand back while commands wait without a pause: they must come to their end, too. */
const INTERVAL_MS = 50
/** How long a chore that failed waits: a full disk is no reason to end, nobody waits for a chore. */
const REST_MS = 30_000
/** These seldom make a chore. To look for one after each commit would cost a single write as much as its own statements. */
const FREQUENT: ReadonlySet<CommandKind | 'reap'> = new Set(['write', 'writeLocalDoc', 'writeUpload'])
const SOON_MS = 10
/** Some chores are due by the clock, though nobody writes. */
const LOOK_MS = 60_000

/**
 * Decides when chores have their turn beside the commits. It has no timer of its own: it is told what happened, and `waitMs` says when
 * it is to be asked again.
 */
export class ChoreClock {
  readonly #now: () => number
  /** When there may be something to do. */
  #lookAt: number
  #restEnd: number
  #lastSlice: number

  constructor(now = () => performance.now()) {
    this.#now = now
    this.#lookAt = now()
    this.#restEnd = now()
    this.#lastSlice = now()
  }

  /** Something was asked of the writer. */
  asked(kind: CommandKind | 'reap'): void {
    if (!FREQUENT.has(kind)) this.#lookAt = Math.min(this.#lookAt, this.#now())
  }

  /** What was asked for is in the file now, and with it the chores that it made. */
  committed(): void {
    this.#lookAt = Math.min(this.#lookAt, this.#now() + SOON_MS)
  }

  /** True if a slice may be done now: nobody waits for a commit, or somebody always does. */
  isTurn(isIdle: boolean): boolean {
    return this.waitMs === 0 && (isIdle || this.#now() - this.#lastSlice >= INTERVAL_MS)
  }

  /** A slice was done; without `hasMore` there was nothing to do. */
  ended(hasMore: boolean): void {
    this.#lastSlice = this.#now()
    this.#lookAt = hasMore ? this.#lastSlice : this.#lastSlice + LOOK_MS
  }

  /** A slice failed. */
  failed(): void {
    this.#lastSlice = this.#now()
    this.#lookAt = this.#lastSlice
    this.#restEnd = this.#lastSlice + REST_MS
  }

  /** For how long no chore is due, if nothing is asked of the writer. */
  get waitMs(): number {
    return Math.max(0, this.#lookAt - this.#now(), this.#restEnd - this.#now())
  }
}
