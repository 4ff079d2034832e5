import { setTimeout as sleep } from 'node:timers/promises'
import { type TableSummary, tablesOfUser } from '../../bridge/mirror-of-user.ts'
import { entities } from '../../design-docs/catalogue.ts'
import { messageOf, OperatorError } from '../operator-error.ts'
import type { RowCounts } from './expected-rows.ts'

/** What Postgres holds of a user, table by table. */
export type Summary = readonly TableSummary[]

/** Whether what was waited for came, and when. */
export type Arrival = { readonly hasArrived: boolean; readonly ms: number }

const POLL_MS = 25
const RETRY_MS = 250

/** While a bridge works, some table changes within this time. */
const STALL_MS = 20_000

/** The mirror of one user, watched as the rows come in. */
export class MirrorView {
  readonly #databaseUrl: string
  readonly #user: string
  #wasRead = false
  /** When Postgres could be read again after it could not. */
  #backAt = 0

  constructor(databaseUrl: string, user: string) {
    this.#databaseUrl = databaseUrl
    this.#user = user
  }

  /** Waits for a Postgres that is being started again; one that never could be read is a mistake. */
  async summary(): Promise<Summary> {
    let isAway = false
    for (const startedAt = performance.now(); ; ) {
      try {
        const summary = await tablesOfUser(this.#databaseUrl, this.#user)
        this.#wasRead = true
        if (isAway) this.#backAt = performance.now()
        return summary
      } catch (cause) {
        if (!this.#wasRead || performance.now() - startedAt > STALL_MS)
          throw new OperatorError(`Postgres cannot be read: ${messageOf(cause)}`, { cause })
        isAway = true
      }
      await sleep(RETRY_MS)
    }
  }

  /** Looks until it is there, or until nothing has changed for so long that it will not come. */
  async waitUntil(
    isThere: (summary: Summary) => boolean,
    onLook?: (summary: Summary) => void,
  ): Promise<Arrival> {
    const startedAt = performance.now()
    let changedAt = startedAt
    let previous = ''
    for (;;) {
      const summary = await this.summary()
      const now = performance.now()
      if (isThere(summary)) return { hasArrived: true, ms: now - startedAt }
      const counts = summary.map(({ rows, deletedRows }) => `${rows},${deletedRows}`).join(' ')
      if (counts !== previous) changedAt = now
      // The bridge needs a moment to see that Postgres is back.
      changedAt = Math.max(changedAt, this.#backAt)
      if (now - changedAt > STALL_MS) return { hasArrived: false, ms: now - startedAt }
      previous = counts
      onLook?.(summary)
      await sleep(POLL_MS)
    }
  }
}

/** The rows a user has once these are added; of a singleton there is never more than one. */
export function rowsAfter(before: Summary, added: RowCounts): RowCounts {
  return new Map(
    entities
      .filter(({ table }) => added.has(table))
      .map(({ table, identity }) => {
        const rows = rowsIn(before, table) + (added.get(table) ?? 0)
        return [table, identity === 'singleton' ? 1 : rows]
      }),
  )
}

/** Whether every table has at least so many rows. */
export function hasRows(summary: Summary, wanted: RowCounts): boolean {
  return [...wanted].every(([table, rows]) => rowsIn(summary, table) >= rows)
}

export function rowsIn(summary: Summary, table: string): number {
  return summary.find(candidate => candidate.table === table)?.rows ?? 0
}

/** The rows of all tables. */
export function allRows(summary: Summary): number {
  return summary.reduce((sum, { rows }) => sum + rows, 0)
}
