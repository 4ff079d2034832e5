import { checkInDatabase } from '../design-docs/check-in-database.ts'
import { checkText } from '../design-docs/check-value.ts'
import { deletedVersions, deletionMarks } from '../design-docs/deleted-versions.ts'
import { entityOfDoc } from '../design-docs/doc-id.ts'
import { type Entity, keepsDeletedRows } from '../design-docs/entity.ts'
import type { JsonObject } from '../design-docs/json-object.ts'
import type { Problem } from '../design-docs/problem.ts'
import { rowId } from '../design-docs/row-id.ts'
import type { Change } from './changes-feed.ts'
import { writeRows } from './mapping/row.ts'
import { timestamptzText } from './mapping/timestamptz.ts'
import { WireRows } from './mapping/wire-rows.ts'
import type { Source } from './source.ts'

/** What of a change is still of interest when there is a plan. The bodies are not: pages of them would fill the memory. */
export type PlannedChange = Pick<Change, 'id' | 'seq' | 'revs'>

/** A document and the rows that show it: those of its table's rows from one to before another. */
export interface MappedDoc {
  readonly change: PlannedChange
  /** The leaf that is shown. */
  readonly rev: string
  readonly from: number
  readonly to: number
}

/** A change that cannot become rows. */
export interface FailedChange {
  readonly change: PlannedChange
  readonly rev: string | undefined
  readonly problem: Problem
}

/** A document all of whose rows go. */
export interface Removal {
  readonly change: PlannedChange
  readonly user_id: string | null
  readonly doc_id: string
}

/** The row of a deleted document whose last body is not known: it keeps what it shows. */
export interface DeletionMark {
  readonly change: PlannedChange
  readonly id: string
  readonly deleted_at: string
  readonly rev: string
  readonly update_seq: string
}

/** What is to be done in one table. */
export interface TablePlan {
  readonly entity: Entity
  readonly rows: WireRows
  /** Their rows, one behind the other, replace those with the same ids. */
  readonly upserts: MappedDoc[]
  readonly marks: DeletionMark[]
  readonly removals: Removal[]
}

/** What a batch of changes does to the mirror. Pure: made without Postgres and without the server. */
export interface Plan {
  readonly source: Source
  readonly tables: Map<Entity, TablePlan>
  readonly deadLetters: FailedChange[]
  /** Documents whose dead letters, if they had any, are closed. */
  readonly settled: string[]
}

export function emptyPlan(source: Source): Plan {
  return { source, tables: new Map(), deadLetters: [], settled: [] }
}

/**
 * Decides what becomes of a change, whose `doc` is the leaf that is shown. What a document's rows are follows from what the
 * server has now, never from what was mirrored before: so a mirror that is made anew is the same. A plan takes one change
 * of a document.
 */
export function planChange(plan: Plan, change: Change): void {
  if (change.id.startsWith('_design/')) return
  if (change.deleted) planDeletion(plan, change)
  else planLive(plan, change)
}

function planLive(plan: Plan, change: Change): void {
  const { doc } = change
  const entity = entityOfDoc(plan.source.kind, change.id)
  const rev = doc === undefined ? change.revs[0] : String(doc._rev)
  if (
    doc === undefined ||
    rev === undefined ||
    entity === undefined ||
    !planRows(plan, entity, change, doc, rev)
  ) {
    const [problem = NO_FIT] = checkInDatabase(plan.source.kind, change.id, doc)
    plan.deadLetters.push({ change: planned(change), rev, problem })
    planRemoval(plan, change)
    return
  }
  // Of the rows of a list some may have gone since the last revision, and an account may now name another user.
  const keepsItsRow = entity.rows === undefined && entity.identity !== 'account'
  if (!keepsItsRow) tablePlan(plan, entity).removals.push(removalOf(plan.source, planned(change)))
  plan.settled.push(change.id)
}

/** Said of a document in which no problem was found. */
const NO_FIT: Problem = { path: '', reason: 'There is no body that could be stored.' }

/** False, and nothing is planned, where the document does not fit its description. */
function planRows(plan: Plan, entity: Entity, change: Change, doc: JsonObject, rev: string): boolean {
  const table = plan.tables.get(entity) ?? emptyTable(entity)
  const { rows, upserts } = table
  const from = rows.count
  const version = { userUuid: plan.source.userUuid, doc, rev, seq: change.seq }
  if (!writeRows(rows, entity, version)) return false
  upserts.push({ change: planned(change), rev, from, to: rows.count })
  plan.tables.set(entity, table)
  return true
}

function planned({ id, seq, revs }: Change): PlannedChange {
  return { id, seq, revs }
}

function planDeletion(plan: Plan, change: Change): void {
  plan.settled.push(change.id)
  const entity = entityOfDoc(plan.source.kind, change.id)
  if (entity !== undefined && keepsDeletedRows(entity)) planTombstone(plan, entity, change)
  else planRemoval(plan, change)
}

/** Takes away what an earlier revision may have left. Where no row can be, none needs to go. */
function planRemoval(plan: Plan, change: Change): void {
  const entity = entityOfDoc(plan.source.kind, change.id)
  if (entity === undefined || checkText(change.id, undefined) !== undefined) return
  tablePlan(plan, entity).removals.push(removalOf(plan.source, planned(change)))
}

/** The row of a deleted document shows what it was, and when it was deleted. What was never alive has none. */
function planTombstone(plan: Plan, entity: Entity, change: Change): void {
  const { id, lastLive, time = Date.now(), doc: tombstone = {} } = change
  if (checkText(id, undefined) !== undefined) return
  const rev = change.revs[0] ?? ''
  const versions =
    lastLive === null ? [] : deletedVersions(entity, { tombstone, lastLive: lastLive ?? {}, time })
  if (versions.some(members => planRows(plan, entity, change, { ...members, _id: id, _rev: rev }, rev)))
    return
  if (lastLive === undefined) planDeletionMark(plan, entity, change, deletionMarks(tombstone, time).deletedAt)
  else planRemoval(plan, change)
}

function planDeletionMark(plan: Plan, entity: Entity, change: Change, deletedAt: number): void {
  tablePlan(plan, entity).marks.push({
    change: planned(change),
    id: rowId(plan.source.userUuid, change.id),
    deleted_at: timestamptzText(deletedAt),
    rev: change.revs[0] ?? '',
    update_seq: change.seq,
  })
}

/** What takes away all rows of a document. */
export function removalOf(source: Source, change: PlannedChange): Removal {
  return { change, user_id: source.userUuid === '' ? null : source.userUuid, doc_id: change.id }
}

function tablePlan(plan: Plan, entity: Entity): TablePlan {
  const known = plan.tables.get(entity)
  if (known !== undefined) return known
  const made = emptyTable(entity)
  plan.tables.set(entity, made)
  return made
}

function emptyTable(entity: Entity): TablePlan {
  return { entity, rows: new WireRows(), upserts: [], marks: [], removals: [] }
}
