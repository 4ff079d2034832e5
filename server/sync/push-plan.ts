import { checkDoc } from '../../design-docs/check-doc.ts'
import { parseDocId } from '../../design-docs/doc-id.ts'
import { isJsonObject, type JsonObject } from '../../design-docs/json-object.ts'
import type { Problem } from '../../design-docs/problem.ts'
import type { Attachment, AttachmentEdit, Database, Edit, Revision, StoredDoc } from '../store/store.ts'
import { shownReference } from './identity.ts'
import type { NamedRow } from './identity-of-rows.ts'
import { contentText, mergedMembers, type RowChange, rowChange, type Stored } from './merge.ts'
import { isSingle } from './message-push.ts'
import { hasMark, losingRevisions, losingTombstone, pushSalt } from './pushed-rev.ts'
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
  reference(to: string, sent: string): string
}

/** What a document is before a row changes it. */
type Before = Stored & {
  readonly doc: StoredDoc
  readonly rev: string
  readonly time: number
  readonly attachments: readonly Attachment[]
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
    return { doc, body, rev, deleted, time, attachments: revision.attachments ?? [] }
  }
  // It came as a tombstone and never lived here.
  const { rev, deleted } = doc.tree.winner
  const revision = database.revision(doc, rev)
  const body = revision === undefined ? {} : parsedBody(revision)
  const time = typeof body.updatedAt === 'number' ? Math.min(body.updatedAt, doc.time) : doc.time
  return { doc, body, rev, deleted, time, attachments: revision?.attachments ?? [] }
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
  if (before === undefined) return { row, problem, edits: [newest(row, change, { merged, deviceId })] }
  if (hasMark(before.doc.tree, row.mark) || isSame(row, change, { before, merged }))
    return { row, problem, edits: [] }
  if (!wins(row, change, { before, merged })) return { row, problem, edits: [losing(row, change, options)] }
  const others = change.deleted ? otherTombstones(database, before, merged) : []
  return { row, problem, edits: [newest(row, change, { merged, deviceId, before }), ...others] }
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

function withIdentity(
  { entity, docId, clientId }: NamedRow,
  merged: JsonObject,
  { deviceId, before }: { readonly deviceId: string; readonly before: Before | undefined },
): JsonObject {
  const stored = before?.body.clientId
  const named = isSingle(entity) ? clientId : ownForm(docId, clientId)
  return { ...merged, type: entity.type, clientId: typeof stored === 'string' ? stored : named, deviceId }
}

/** As the device wrote a UUID; any other id without the device. */
function ownForm(docId: string, clientId: string): string {
  const inId = parseDocId(docId)?.clientId ?? clientId
  return clientId.toLowerCase() === inId ? clientId : inId
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

/** A row that is dated in the future is dated anew each time it comes. */
function isSame(
  { entity }: NamedRow,
  { deleted, isFuture }: RowChange,
  { before, merged }: Versions,
): boolean {
  const without = isFuture ? 'updatedAt' : undefined
  return (
    deleted === before.deleted &&
    contentText(entity, merged, without) === contentText(entity, before.body, without)
  )
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

type Newest = {
  readonly merged: JsonObject
  readonly deviceId: string
  readonly before?: Before | undefined
}

/** The row's version on top of the one that was shown. Salted if the device has it just so. */
function newest(row: NamedRow, change: RowChange, { merged, deviceId, before }: Newest): Edit {
  const { docId: id, mark, entity } = row
  const isWhole = before === undefined || contentText(entity, merged) === contentText(entity, change.set)
  return {
    kind: 'interactive',
    id,
    parent: before?.rev,
    deleted: change.deleted,
    body: JSON.stringify(merged),
    attachments: stubs(before?.attachments),
    mark,
    salt: isWhole && !change.isFuture ? pushSalt(deviceId) : undefined,
  }
}

/** Kept beside the version that is shown; beside a tombstone as one, for a living branch would bring the document back. */
function losing(row: NamedRow, change: RowChange, { before, deviceId }: RowOptions): Edit {
  const members = withIdentity(row, change.set, { deviceId, before })
  return {
    kind: 'replicated',
    id: row.docId,
    deleted: change.deleted || before?.deleted === true,
    body: JSON.stringify(members),
    revisions: losingRevisions(row.mark),
  }
}

/** A deletion ends all versions that live, or the next best one would be shown. Each keeps what it says. */
function otherTombstones(database: Database, { doc, rev }: Before, merged: JsonObject): readonly Edit[] {
  const { deletedAt, updatedAt, deviceId } = merged
  const others = doc.tree.leaves().filter(leaf => !leaf.deleted && leaf.rev !== rev)
  return others.flatMap(({ rev: parent }): readonly Edit[] => {
    const revision = database.revision(doc, parent)
    if (revision === undefined) return []
    const body = JSON.stringify({ ...parsedBody(revision), deletedAt, updatedAt, deviceId })
    const attachments = stubs(revision.attachments)
    const revisions = losingTombstone(parent, body)
    return [{ kind: 'replicated', id: doc.id, deleted: true, body, attachments, revisions }]
  })
}

/** A row says nothing of attachments: they stay. */
function stubs(attachments: readonly Attachment[] = []): readonly AttachmentEdit[] {
  return attachments.map(({ name, contentType, digest, revpos }) => ({ name, contentType, digest, revpos }))
}

function parsedBody({ body }: Revision): JsonObject {
  const parsed: unknown = JSON.parse(body)
  return isJsonObject(parsed) ? parsed : {}
}
