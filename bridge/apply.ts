import pg from 'pg'
import { entities, entitiesIn } from '../design-docs/catalogue.ts'
import type { Entity } from '../design-docs/entity.ts'
import { hasOwner, quoted } from './mapping/columns.ts'
import { deleteDocsSql, rowsParameter, upsertSql } from './mapping/upsert.ts'
import type { FailedChange, MappedDoc, Plan, TablePlan } from './plan.ts'
import type { Queryable } from './postgres-client.ts'
import { verdictOf } from './postgres-errors.ts'

/** The statement and its JSON stay small enough for both sides' memory; a document's rows are never divided. */
const MAX_ROWS_PER_STATEMENT = 5000

/**
 * How to meet a row that Postgres refuses, though its document fits the description:
 * - `throw`: the error ends the transaction. The fast way, and nearly always enough;
 * - `set aside`: the rows at fault are searched by halves, under savepoints, and become dead letters.
 */
export type OnRefusal = 'throw' | 'set aside'

/** Does in the open transaction what the plan says. Returns the documents that Postgres refused. */
export async function applyPlan(sql: Queryable, plan: Plan, onRefusal: OnRefusal): Promise<FailedChange[]> {
  const refused: FailedChange[] = []
  for (const entity of entities) {
    const table = plan.tables.get(entity)
    if (table !== undefined) refused.push(...(await applyTable(sql, table, onRefusal)))
  }
  return refused
}

async function applyTable(sql: Queryable, table: TablePlan, onRefusal: OnRefusal): Promise<FailedChange[]> {
  const { entity, removals, marks } = table
  if (removals.length > 0) await sql.query(deleteDocsSql(entity), [JSON.stringify(removals)])
  if (marks.length > 0) await sql.query(markDeletedSql(entity), [JSON.stringify(marks)])
  const refused: FailedChange[] = []
  for (const docs of statements(table.upserts)) {
    if (onRefusal === 'throw') await upsert(sql, entity, docs)
    else refused.push(...(await upsertByHalves(sql, entity, docs)))
  }
  return refused
}

/** Keeps what the row shows, and says since when it is deleted. */
function markDeletedSql(entity: Entity): string {
  return [
    `update ${quoted(entity.table)} t`,
    'set deleted_at = d.deleted_at, rev = d.rev, update_seq = d.update_seq',
    'from json_to_recordset($1::json) as d(id uuid, deleted_at timestamptz, rev text, update_seq text)',
    'where t.id = d.id',
  ].join('\n')
}

/** Documents whose rows are one statement. */
function statements(docs: readonly MappedDoc[]): MappedDoc[][] {
  const groups: MappedDoc[][] = []
  let rows = Infinity
  for (const doc of docs) {
    rows += doc.rows.length
    if (rows > MAX_ROWS_PER_STATEMENT) {
      groups.push([])
      rows = doc.rows.length
    }
    groups.at(-1)?.push(doc)
  }
  return groups
}

async function upsert(sql: Queryable, entity: Entity, docs: readonly MappedDoc[]): Promise<void> {
  const rows = docs.flatMap(doc => doc.rows)
  if (rows.length > 0) await sql.query(upsertSql(entity), [rowsParameter(rows)])
}

async function upsertByHalves(
  sql: Queryable,
  entity: Entity,
  docs: readonly MappedDoc[],
): Promise<FailedChange[]> {
  const error = await tryUpsert(sql, entity, docs)
  const [first] = docs
  if (error === undefined || first === undefined) return []
  if (docs.length === 1) return [refusedDoc(first, error)]
  const middle = Math.ceil(docs.length / 2)
  const before = await upsertByHalves(sql, entity, docs.slice(0, middle))
  return [...before, ...(await upsertByHalves(sql, entity, docs.slice(middle)))]
}

/** Undefined if the rows are stored; Postgres' error if it refuses one of them, and then none is. */
async function tryUpsert(
  sql: Queryable,
  entity: Entity,
  docs: readonly MappedDoc[],
): Promise<pg.DatabaseError | undefined> {
  await sql.query('savepoint rows')
  try {
    await upsert(sql, entity, docs)
    await sql.query('release savepoint rows')
    return undefined
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || verdictOf(error) !== 'data') throw error
    await sql.query('rollback to savepoint rows; release savepoint rows')
    return error
  }
}

function refusedDoc({ change, rev }: MappedDoc, error: pg.DatabaseError): FailedChange {
  const path = error.column ?? error.constraint ?? ''
  return {
    change,
    rev,
    problem: { path, reason: `Postgres refuses the row: ${error.message} (${error.code})` },
  }
}

/** Removes all rows that a database's documents have made. */
export async function removeRows(sql: Queryable, source: Plan['source']): Promise<void> {
  for (const entity of entitiesIn(source.kind)) {
    if (hasOwner(entity)) {
      await sql.query(`delete from ${quoted(entity.table)} where user_id = $1`, [source.userUuid])
    } else await sql.query(`delete from ${quoted(entity.table)}`)
  }
}
