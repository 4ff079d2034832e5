import { type Applying, applyPlan, type OnRefusal } from './apply.ts'
import { ServerError } from './couch-client.ts'
import { closeLetters, writeLetters } from './dead-letter-store.ts'
import { type Feed, feedParts } from './feed-parts.ts'
import { readRowTypes } from './mapping/row-type.ts'
import type { Plan } from './plan.ts'
import { answered, type Queryable, stayingAwake } from './postgres-client.ts'

/** What of a plan is in the transaction. */
export type Applied = {
  readonly rows: number
  /** Dead letters that tell something new, and closed ones. */
  readonly letters: number
  readonly closed: number
}

export const NOTHING_APPLIED: Applied = { rows: 0, letters: 0, closed: 0 }

/** Rows, letters and closed letters of a plan. */
export async function applyWithLetters(sql: Queryable, plan: Plan, onRefusal: OnRefusal): Promise<Applied> {
  return await applyInto({ sql, types: await readRowTypes(sql) }, plan, onRefusal)
}

/** The same, where the types of rows are known. */
export async function applyInto(to: Applying, plan: Plan, onRefusal: OnRefusal): Promise<Applied> {
  const { sql } = to
  const { database } = plan.source
  const applying = applyPlan(to, plan, onRefusal)
  // Where a refusal ends the transaction there is none to know of.
  const refused = onRefusal === 'throw' ? [] : await applying
  const failed = new Set(refused.map(letter => letter.change.id))
  const letters = [...plan.deadLetters, ...refused]
  const settled = plan.settled.filter(id => !failed.has(id))
  const [, told, closed] = await answered([
    applying,
    writeLetters(sql, database, letters),
    closeLetters(sql, database, settled),
  ])
  return { rows: rowsIn(plan, failed), letters: told, closed }
}

function rowsIn(plan: Plan, failed: ReadonlySet<string>): number {
  let rows = 0
  for (const { upserts } of plan.tables.values()) {
    for (const doc of upserts) if (!failed.has(doc.change.id)) rows += doc.to - doc.from
  }
  return rows
}

/** What of a feed is in the transaction, and where the feed ends. */
export type AppliedFeed = Applied & { readonly changes: number; readonly cursor: string }

/**
 * Applies in the open transaction all of a feed from its start. `only` makes of a plan what is meant of it.
 */
export async function applyFeed(
  sql: Queryable,
  feed: Feed,
  only: (plan: Plan) => Plan = plan => plan,
): Promise<AppliedFeed> {
  const parts = feedParts(feed, undefined)
  let all = { ...NOTHING_APPLIED, changes: 0 }
  for (let isFirst = true; ; isFirst = false) {
    const { value: part } = await stayingAwake(sql, parts.next())
    if (part.rewound && !isFirst) throw new ServerError(madeAnew(feed), {})
    const applied = await applyWithLetters(sql, only(part.plan), 'set aside')
    all = {
      rows: all.rows + applied.rows,
      letters: all.letters + applied.letters,
      closed: all.closed + applied.closed,
      changes: all.changes + part.changes.length,
    }
    if (part.pending === 0) return { ...all, cursor: part.cursor }
  }
}

function madeAnew({ source }: Feed): string {
  return `${source.database} was made anew while it was read: what was read is of two databases`
}
