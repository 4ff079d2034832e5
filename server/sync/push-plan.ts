import { checkDoc } from '../../design-docs/check-doc.ts'
import type { JsonObject } from '../../design-docs/json-object.ts'
import type { Problem } from '../../design-docs/problem.ts'
import type { Database, Edit, StoredDoc } from '../store/store.ts'
import { bodyMembers } from './body-members.ts'
import { shownReference } from './identity.ts'
import type { NamedRow } from './identity-of-rows.ts'
import { contentText, mergedMembers, type RowChange, rowChange } from './merge.ts'
import { overflowEdits, overflowOf } from './overflow.ts'
import { type Before, losingEdit, newestEdit, shownEdits, withIdentity } from './push-edits.ts'
import { hasMark } from './pushed-rev.ts'
import { type ShownVersion, shownVersions } from './shown-version.ts'

/** What a row does to its document: nothing, if that has it already. And what is wrong with it. */
export type Planned = {
  readonly row: NamedRow
  readonly edits: readonly Edit[]
  readonly problem: Problem | undefined
}

export type PlanOptions = {
  readonly deviceId: string
  readonly now: number
  /** Of what a row makes of a document. */
  readonly maxRowBytes: number
  reference(to: string, sent: string): string
}

/** What rows, each of another document, do to the documents as they are now. */
export function planRows(database: Database, rows: readonly NamedRow[], options: PlanOptions): Planned[] {
  return database.atOnce(() => {
    const docs = rows.map(({ docId }) => database.doc(docId))
    const shown = shownVersions(
      database,
      docs.flatMap(doc => doc?.id ?? []),
    )
    return rows.map((row, n) => {
      const doc = docs[n]
      return planRow(database, row, { ...options, before: doc && beforeOf(database, doc, shown.get(doc.id)) })
    })
  })
}

function beforeOf(database: Database, doc: StoredDoc, shown: ShownVersion | undefined): Before | undefined {
  if (shown !== undefined) {
    const { members: body, rev, deleted, updatedAt: time, revision } = shown
    const { attachments = [], body: text } = revision
    return { doc, body, rev, deleted, time, attachments, chars: text.length }
  }
  // It came as a tombstone and never lived here.
  const { rev, deleted } = doc.tree.winner
  const { body: text = '{}', attachments = [] } = database.revision(doc, rev) ?? {}
  const body = bodyMembers(text)
  const time = typeof body.updatedAt === 'number' ? Math.min(body.updatedAt, doc.time) : doc.time
  return { doc, body, rev, deleted, time, attachments, chars: text.length }
}

type RowOptions = PlanOptions & { readonly before: Before | undefined }

function planRow(database: Database, row: NamedRow, options: RowOptions): Planned {
  const { before, deviceId, now } = options
  const { entity, docId } = row
  const resolve = (member: string, to: string, sent: string) =>
    keptReference(before, member, { sent, deviceId }) ?? options.reference(to, sent)
  const change = rowChange(entity, row.members, { now, resolve })
  const merged = withIdentity(row, mergedMembers(before, change), { deviceId, before })
  const problem = problemOf(row, change, { ...merged, _id: docId })
  if (before === undefined) return { row, problem, edits: [newestEdit(row, { change, merged, deviceId })] }
  if (hasMark(before.doc.tree, row.mark) || isSame(row, change, { before, merged }))
    return { row, problem, edits: [] }
  const made = { change, merged, deviceId, before }
  if (!wins(row, change, made)) return { row, problem, edits: [losingEdit(row, made)] }
  const overflow = overflowOf(row, made, options.maxRowBytes)
  if (overflow === undefined) return { row, problem, edits: shownEdits(database, row, made) }
  return { row, problem: change.deleted ? problem : overflow, edits: overflowEdits(database, row, made) }
}

/** What a pull showed this device of the stored reference means that one, whatever else it might. */
function keptReference(
  before: Before | undefined,
  member: string,
  { sent, deviceId }: { readonly sent: string; readonly deviceId: string },
): string | undefined {
  const stored = before?.body[member]
  return typeof stored === 'string' && shownReference(stored, deviceId) === sent ? stored : undefined
}

/** Of a deletion next to nothing is asked. */
function problemOf(row: NamedRow, { deleted }: RowChange, doc: JsonObject): Problem | undefined {
  const problem = (deleted ? undefined : checkDoc(row.entity, doc)[0]) ?? reservedMember(row)
  if (problem === undefined) return undefined
  return { ...problem, path: problem.path === '' ? row.path : `${row.path}.${problem.path}` }
}

/** Such members are the database's own, so a client's cannot be kept. */
function reservedMember({ members }: NamedRow): Problem | undefined {
  const path = Object.keys(members).find(name => name.startsWith('_'))
  return path === undefined ? undefined : { path, reason: 'A member must not begin with an underscore.' }
}

type Versions = { readonly before: Before; readonly merged: JsonObject }

/**
 * The date counts, too: a phone with a fast clock that saved a row without a change has to be told another date, or it sends the row in every
 * cycle, and over what others change meanwhile.
 */
function isSame({ entity }: NamedRow, { deleted }: RowChange, { before, merged }: Versions): boolean {
  return deleted === before.deleted && contentText(entity, merged) === contentText(entity, before.body)
}

/**
 * Whether the row is shown from now on: the newer one is. Of two with the same time a deletion is, then one that only adds to the other, as
 * a newer app does; and else what they say decides, so that the order in which they come means nothing.
 */
function wins({ entity }: NamedRow, { time, deleted }: RowChange, { before, merged }: Versions): boolean {
  if (time !== before.time) return time > before.time
  if (deleted !== before.deleted) return deleted
  const said = Object.entries(before.body).filter(([, value]) => value !== null)
  const text = contentText(entity, merged)
  if (contentText(entity, { ...merged, ...Object.fromEntries(said) }) === text) return true
  return text > contentText(entity, before.body)
}
