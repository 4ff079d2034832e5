import { setImmediate } from 'node:timers/promises'
import { CouchError } from '../couch-error.ts'
import type { Database, Edit } from '../store/store.ts'
import type { NamedRow } from './identity-of-rows.ts'
import { type Planned, type PlanOptions, planRows } from './push-plan.ts'

/** Rows that are planned before others have their turn. */
const TURN_ROWS = 100
/** While the store writes some batches the next ones are planned; more of them would only fill memory. */
const BATCHES_UNDER_WAY = 8
/** How often a row is merged again because a client that replicates wrote its document meanwhile. */
const ATTEMPTS = 8

/**
 * Stores rows and answers what was planned for each. Rows of one document follow each other, each merged into what the one before made;
 * so do rows whose document was written by somebody else between reading and writing.
 */
export async function writeRows(
  database: Database,
  rows: readonly NamedRow[],
  options: PlanOptions,
): Promise<ReadonlyMap<NamedRow, Planned>> {
  const planned = new Map<NamedRow, Planned>()
  const attempts = new Map<NamedRow, number>()
  for (let left = rows; left.length > 0; ) {
    const { first, later } = firstOfEach(left)
    const refused = await writeRound(database, first, { options, planned })
    for (const row of refused) countAttempt(attempts, row)
    left = [...refused, ...later]
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

/** The first row of each document, and the rest in their order. */
function firstOfEach(rows: readonly NamedRow[]) {
  const seen = new Set<string>()
  const first: NamedRow[] = []
  const later: NamedRow[] = []
  for (const row of rows) {
    if (seen.has(row.docId)) later.push(row)
    else first.push(row)
    seen.add(row.docId)
  }
  return { first, later }
}

type Round = { readonly options: PlanOptions; readonly planned: Map<NamedRow, Planned> }

/** Plans and writes side by side. Answers the rows that met a conflict, once all is on disk. */
async function writeRound(
  database: Database,
  rows: readonly NamedRow[],
  { options, planned }: Round,
): Promise<NamedRow[]> {
  const underWay: Promise<NamedRow[]>[] = []
  const refused: NamedRow[] = []
  for (let start = 0; start < rows.length; start += TURN_ROWS) {
    const plans = planRows(database, rows.slice(start, start + TURN_ROWS), options)
    for (const plan of plans) planned.set(plan.row, plan)
    const written = writePlans(database, plans)
    // Met where it is awaited; until then it must not end the process.
    written.catch(() => {})
    underWay.push(written)
    if (underWay.length >= BATCHES_UNDER_WAY) refused.push(...((await underWay.shift()) ?? []))
    else await setImmediate()
  }
  for (const written of underWay) refused.push(...(await written))
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
