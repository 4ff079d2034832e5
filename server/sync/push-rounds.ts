import { setImmediate } from 'node:timers/promises'
import { CouchError } from '../couch-error.ts'
import type { Database, Edit } from '../store/store.ts'
import { byDocument } from './document-rows.ts'
import type { NamedRow } from './identity-of-rows.ts'
import { type Planned, type PlanOptions, planRows } from './push-plan.ts'
import { rowTurns } from './row-turns.ts'

/** While the store writes some batches the next ones are planned; more of them would only fill memory. */
const BATCHES_UNDER_WAY = 8
/** How often a row is merged again because a client that replicates wrote its document meanwhile. */
const ATTEMPTS = 8

export type WriteOptions = PlanOptions & {
  /** When nobody waits for the answer any more: what is stored by then is found by the push that comes again. */
  readonly signal: AbortSignal
}

/**
 * Stores rows and answers what was planned for each. Rows of one document follow each other, each merged into what the one before made;
 * so do rows whose document was written by somebody else between reading and writing.
 */
export async function writeRows(
  database: Database,
  rows: readonly NamedRow[],
  options: WriteOptions,
): Promise<ReadonlyMap<NamedRow, Planned>> {
  const planned = new Map<NamedRow, Planned>()
  const attempts = new Map<NamedRow, number>()
  let left = byDocument(rows)
  while (left.length > 0) {
    const first = left.flatMap(queue => queue.first() ?? [])
    const refused = new Set(await writeRound(database, first, { options, planned }))
    for (const row of refused) countAttempt(attempts, row)
    left = left.filter(queue => queue.goOn(refused))
  }
  return planned
}

function countAttempt(attempts: Map<NamedRow, number>, row: NamedRow): void {
  const attempt = (attempts.get(row) ?? 0) + 1
  attempts.set(row, attempt)
  if (attempt < ATTEMPTS) return
  const headers = { 'Retry-After': '1' }
  throw new CouchError('service_unavailable', `${row.path} is being written by another device.`, { headers })
}

type Round = { readonly options: WriteOptions; readonly planned: Map<NamedRow, Planned> }

/** Plans and writes side by side. Answers the rows that met a conflict, once all is on disk. */
async function writeRound(
  database: Database,
  rows: readonly NamedRow[],
  { options, planned }: Round,
): Promise<NamedRow[]> {
  const underWay: Promise<NamedRow[]>[] = []
  const refused: NamedRow[] = []
  for (const some of rowTurns(rows)) {
    if (options.signal.aborted) break
    const plans = planRows(database, some, options)
    for (const plan of plans) planned.set(plan.row, plan)
    const written = writePlans(database, plans)
    // Met where it is awaited; until then it must not end the process.
    written.catch(() => {})
    underWay.push(written)
    if (underWay.length >= BATCHES_UNDER_WAY) refused.push(...((await underWay.shift()) ?? []))
    else await setImmediate()
  }
  for (const written of underWay) refused.push(...(await written))
  options.signal.throwIfAborted()
  return refused
}

async function writePlans(database: Database, plans: readonly Planned[]): Promise<NamedRow[]> {
  const writes = plans.flatMap(({ row, edits }) => edits.map(edit => ({ row, edit })))
  const outcomes = await writeEdits(
    database,
    writes.map(({ edit }) => edit),
  )
  const refused = writes.flatMap(({ row }, n) => (outcomes[n]?.ok === false ? [row] : []))
  return [...new Set(refused)]
}

function writeEdits(database: Database, edits: readonly Edit[]) {
  return edits.length === 0 ? Promise.resolve([]) : database.write(edits)
}
