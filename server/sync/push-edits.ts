import { parseDocId } from '../../design-docs/doc-id.ts'
import type { JsonObject } from '../../design-docs/json-object.ts'
import type { Attachment, AttachmentEdit, Database, Edit, StoredDoc } from '../store/store.ts'
import { bodyMembers } from './body-members.ts'
import type { NamedRow } from './identity-of-rows.ts'
import { contentText, type RowChange, type Stored } from './merge.ts'
import { isSingle } from './message-push.ts'
import { losingRevisions, losingTombstone, pushSalt } from './pushed-rev.ts'

/** What a document is before a row changes it. */
export type Before = Stored & {
  readonly doc: StoredDoc
  readonly rev: string
  readonly time: number
  readonly attachments: readonly Attachment[]
  /** How long it is as text. */
  readonly chars: number
}

/** The members of a version, which say whose document it is and which device wrote it. */
export function withIdentity(
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

/** What a version is made of. */
type Made = {
  readonly change: RowChange
  /** What it says. */
  readonly merged: JsonObject
  readonly deviceId: string
}

/** The row's version as the one that is shown from now on, in place of all that live. */
export function shownEdits(
  database: Database,
  row: NamedRow,
  made: Made & { readonly before: Before },
): readonly Edit[] {
  const { change, merged, before } = made
  return [newestEdit(row, made), ...(change.deleted ? otherTombstones(database, before, merged) : [])]
}

/** The row's version on top of the one that was shown. Salted if the device has it just so. */
export function newestEdit(
  row: NamedRow,
  { change, merged, deviceId, before }: Made & { readonly before?: Before | undefined },
): Edit {
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
export function losingEdit(
  row: NamedRow,
  { change, deviceId, before }: Omit<Made, 'merged'> & { readonly before: Before },
): Edit {
  const members = withIdentity(row, change.set, { deviceId, before })
  return {
    kind: 'replicated',
    id: row.docId,
    deleted: change.deleted || before.deleted,
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
    const body = JSON.stringify({ ...bodyMembers(revision.body), deletedAt, updatedAt, deviceId })
    const attachments = stubs(revision.attachments)
    const revisions = losingTombstone(parent, body)
    return [{ kind: 'replicated', id: doc.id, deleted: true, body, attachments, revisions }]
  })
}

/** A row says nothing of attachments: they stay. */
function stubs(attachments: readonly Attachment[] = []): readonly AttachmentEdit[] {
  return attachments.map(({ name, contentType, digest, revpos }) => ({ name, contentType, digest, revpos }))
}
