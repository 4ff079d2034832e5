import pg from 'pg'
import { entities, entitiesIn } from '../design-docs/catalogue.ts'
import type { Entity } from '../design-docs/entity.ts'
import { hasOwner, quoted } from './mapping/columns.ts'
import type { RowTypeOids } from './mapping/row-type.ts'
import { deleteDocsSql, rowsParameter, upsertSql } from './mapping/upsert.ts'
import type { WireRows } from './mapping/wire-rows.ts'
import {
  type DeletionMark,
  type FailedChange,
  type MappedDoc,
  type Plan,
  type PlannedChange,
  type Removal,
  removalOf,
  type TablePlan,
} from './plan.ts'
import { answered, type Queryable } from './postgres-client.ts'
import { verdictOf } from './postgres-errors.ts'

/** The statement and its JSON stay small enough for both sides' memory, also where one document has more rows. */
const MAX_ROWS_PER_STATEMENT = 5000

/**
 * How to meet a row that Postgres refuses, though its document fits the description:
 * - `throw`: the error ends the transaction. The fast way, and nearly always enough;
 * - `set aside`: the rows at fault are searched by halves, under savepoints, and become dead letters.
 */
export type OnRefusal = 'throw' | 'set aside'

/** An open transaction, and the numbers that the types of rows have in it. */
export type Applying = { readonly sql: Queryable; readonly types: RowTypeOids }

/** Does in the open transaction what the plan says. Returns the documents that Postgres refused. */
export async function applyPlan(to: Applying, plan: Plan, onRefusal: OnRefusal): Promise<FailedChange[]> {
  return onRefusal === 'throw' ? await applyAtOnce(to, plan) : await applyStepByStep(to, plan)
}

/**
 * All statements are sent, in their order, before the first is answered: a page of all types takes one round trip. Those of
 * samples by the ten thousand are not: all copies of their rows would be in memory together.
 */
async function applyAtOnce(to: Applying, plan: Plan): Promise<FailedChange[]> {
  const steps = tablesOf(to, plan).flatMap(([target, { removals, marks, upserts }]) => [
    ...(removals.length === 0 ? [] : [() => removeDocs(target, removals)]),
    ...(marks.length === 0 ? [] : [() => markDeleted(target, marks)]),
    ...statements(upserts).map(docs => () => upsert(target, docs)),
  ])
  let rows = 0
  for (const table of plan.tables.values()) rows += table.rows.count
  if (rows <= MAX_ROWS_PER_STATEMENT) await answered(steps.map(step => step()))
  else for (const step of steps) await step()
  return []
}

async function applyStepByStep(to: Applying, plan: Plan): Promise<FailedChange[]> {
  const refused: FailedChange[] = []
  // A refusal that waits for the commit would come when it is too late to find the row.
  await to.sql.query('set constraints all immediate')
  for (const [target, table] of tablesOf(to, plan)) refused.push(...(await applyTable(target, table)))
  return refused
}

/** Parents before children. */
function tablesOf(to: Applying, plan: Plan): [Target, TablePlan][] {
  return entities.flatMap((entity): [Target, TablePlan][] => {
    const table = plan.tables.get(entity)
    return table === undefined ? [] : [[{ ...to, source: plan.source, entity, rows: table.rows }, table]]
  })
}

/** A table, and the rows that were written for it. */
type Target = Applying & {
  readonly source: Plan['source']
  readonly entity: Entity
  readonly rows: WireRows
}

async function applyTable(target: Target, { removals, marks, upserts }: TablePlan): Promise<FailedChange[]> {
  const refused = [
    ...(await applyByHalves(target, removals, removeDocs)),
    ...(await applyByHalves(target, marks, markDeleted)),
  ]
  for (const docs of statements(upserts)) {
    const failed = await applyByHalves(target, docs, upsert)
    refused.push(...failed)
    // A bad revision has no row, whichever side finds it bad: the row of the one before it goes.
    const stale = failed.map(({ change }) => removalOf(target.source, change))
    await applyByHalves(target, stale, removeDocs)
  }
  return refused
}

/** Documents of one kind, and what one statement or a few do with them. */
type Work<D> = (target: Target, docs: readonly D[]) => Promise<void>

type Planned = { readonly change: PlannedChange; readonly rev?: string | undefined }

async function removeDocs({ sql, entity }: Target, removals: readonly Removal[]): Promise<void> {
  const docs = removals.map(({ user_id, doc_id }) => ({ user_id, doc_id }))
  await sql.query(deleteDocsSql(entity), [JSON.stringify(docs)])
}

/** Keeps what the row shows, and says since when it is deleted. */
async function markDeleted({ sql, entity }: Target, marks: readonly DeletionMark[]): Promise<void> {
  const sets = marks.map(({ id, deleted_at, rev, update_seq }) => ({ id, deleted_at, rev, update_seq }))
  const statement = [
    `update ${quoted(entity.table)} t`,
    'set deleted_at = d.deleted_at, rev = d.rev, update_seq = d.update_seq',
    'from json_to_recordset($1::json) as d(id uuid, deleted_at timestamptz, rev text, update_seq text)',
    'where t.id = d.id',
  ].join('\n')
  await sql.query(statement, [JSON.stringify(sets)])
}

/** Documents whose rows are one statement. One that has too many for that is alone. */
function statements(docs: readonly MappedDoc[]): MappedDoc[][] {
  const groups: MappedDoc[][] = []
  let rows = Infinity
  for (const doc of docs) {
    const own = doc.to - doc.from
    rows += own
    if (rows > MAX_ROWS_PER_STATEMENT) {
      groups.push([])
      rows = own
    }
    groups.at(-1)?.push(doc)
  }
  return groups
}

/** The rows of documents that follow each other do so too. */
async function upsert({ sql, types, entity, rows }: Target, docs: readonly MappedDoc[]): Promise<void> {
  const end = docs.at(-1)?.to ?? 0
  for (let from = docs[0]?.from ?? end; from < end; from += MAX_ROWS_PER_STATEMENT) {
    const to = Math.min(end, from + MAX_ROWS_PER_STATEMENT)
    // One after the other: each is a copy of its rows.
    await sql.query(upsertSql(entity), [rowsParameter(entity, { rows, from, to }, types)])
  }
}

async function applyByHalves<D extends Planned>(
  target: Target,
  docs: readonly D[],
  work: Work<D>,
): Promise<FailedChange[]> {
  if (docs.length === 0) return []
  const error = await refusalOf(target, docs, work)
  const [first] = docs
  if (error === undefined || first === undefined) return []
  if (docs.length === 1) return [refusedDoc(first, error)]
  const middle = Math.ceil(docs.length / 2)
  const before = await applyByHalves(target, docs.slice(0, middle), work)
  return [...before, ...(await applyByHalves(target, docs.slice(middle), work))]
}

/** Undefined if it is done; Postgres' error if it refuses one of the documents, and then nothing is. */
async function refusalOf<D>(
  target: Target,
  docs: readonly D[],
  work: Work<D>,
): Promise<pg.DatabaseError | undefined> {
  const { sql } = target
  await sql.query('savepoint rows')
  try {
    await work(target, docs)
    await sql.query('release savepoint rows')
    return undefined
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || verdictOf(error) !== 'data') throw error
    await sql.query('rollback to savepoint rows; release savepoint rows')
    return error
  }
}

function refusedDoc({ change, rev = change.revs[0] }: Planned, error: pg.DatabaseError): FailedChange {
  const path = error.column ?? error.constraint ?? ''
  return {
    change,
    rev,
    problem: { path, reason: `Postgres refuses the row: ${error.message} (${error.code})` },
  }
}

/** A statement that removes more may take longer than a statement may: of samples a user may have tens of millions. */
const MAX_ROWS_REMOVED = 20_000

/** Removes all rows that a database's documents have made. */
export async function removeRows(sql: Queryable, source: Plan['source']): Promise<void> {
  for (const entity of entitiesIn(source.kind)) {
    for (let after: string | undefined = ''; after !== undefined; ) {
      after = await removeSomeRows({ sql, entity }, source.userUuid, after)
    }
  }
}

/** Those of documents behind `after`, in the order of their ids, which has an index. Returns the last one; undefined if none is left. */
async function removeSomeRows(
  { sql, entity }: Pick<Target, 'sql' | 'entity'>,
  userUuid: string,
  after: string,
): Promise<string | undefined> {
  const table = quoted(entity.table)
  const own = hasOwner(entity) ? 'user_id = $2 and doc_id > $1' : 'doc_id > $1'
  const values = hasOwner(entity) ? [after, userUuid] : [after]
  const { rows } = await sql.query<{ readonly doc_id: string }>(
    `select doc_id from ${table} where ${own} order by doc_id limit 1 offset ${MAX_ROWS_REMOVED - 1}`,
    values,
  )
  const upTo = rows[0]?.doc_id
  const [end, ends] = upTo === undefined ? ['', []] : [` and doc_id <= $${values.length + 1}`, [upTo]]
  await sql.query(`delete from ${table} where ${own}${end}`, [...values, ...ends])
  return upTo
}
