import { checkDoc } from '../../design-docs/check-doc.ts'
import { chooseLeaf } from '../../design-docs/choose-leaf.ts'
import { deletedVersions, deletionMarks, timeSaid } from '../../design-docs/deleted-versions.ts'
import { entityOfDoc } from '../../design-docs/doc-id.ts'
import { isJsonObject, type JsonObject } from '../../design-docs/json-object.ts'
import type { ChangeRow, Database, Revision } from '../store/store.ts'

/** The one version of a document that rows and messages show, whatever conflicts there are. */
export type ShownVersion = {
  readonly id: string
  /** The number of the document's last change, and the server's time of it. */
  readonly n: number
  readonly time: number
  /** The leaf to go on from: the one that is shown, or the tombstone. */
  readonly rev: string
  readonly deleted: boolean
  /** The leaf as it is stored. */
  readonly revision: Revision
  /**
   * What is shown: the leaf's members without those that begin with `_`. Of a deleted document those of its tombstone if they fit the
   * description, else the last living version's with what the tombstone says; `deletedAt` and `updatedAt` are filled. An `updatedAt` that lies
   * ahead of the server's clock is the time at which the server took the last change.
   */
  readonly members: JsonObject
  /** `updatedAt` of the members; `-Infinity` where they have none. */
  readonly updatedAt: number
}

/** How a row of `Database.changes` has to be read for `shownVersion`. */
export const WITH_VERSIONS = { withBodies: true, withLastLive: true } as const

/** Undefined for a document that was never living here, and for what was removed since the row was read. */
export function shownVersion(database: Database, row: ChangeRow): ShownVersion | undefined {
  const { id, n, time, deleted } = row
  const revision = shownRevision(database, row)
  if (revision === undefined) return undefined
  const members = deleted ? deletedMembers(row, revision) : receivedMembers(parsed(revision), time)
  if (members === undefined) return undefined
  const { rev } = revision
  return { id, n, time, rev, deleted, revision, members, updatedAt: updatedAtOf(members) }
}

/** The tombstone of a document that was never living here, as far as it says something. */
export function neverLivingVersion({
  id,
  n,
  time,
  deleted,
  revision,
  lastLive,
}: ChangeRow): ShownVersion | undefined {
  if (!deleted || revision === undefined || lastLive !== undefined) return undefined
  const said = parsed(revision)
  const marks = deletionMarks(said, time)
  const members = { ...said, ...marks }
  return { id, n, time, rev: revision.rev, deleted, revision, members, updatedAt: marks.updatedAt }
}

/** `shownVersion` of documents by their ids, deleted ones too. All at once: ask for as many as may be in memory. */
export function shownVersions(database: Database, ids: Iterable<string>): Map<string, ShownVersion> {
  const shown = new Map<string, ShownVersion>()
  const wanted = new Set(ids)
  const { updateSeq } = database.facts()
  for (let after = 0; wanted.size > 0; ) {
    const page = { after, upTo: updateSeq, limit: wanted.size, ids: wanted, ...WITH_VERSIONS }
    const rows = database.changes(page)
    for (const row of rows) {
      const version = shownVersion(database, row)
      if (version !== undefined) shown.set(row.id, version)
      wanted.delete(row.id)
      after = row.n
    }
    if (rows.length === 0) break
  }
  return shown
}

/** Of several living leaves all but the better one are forgotten while they are read: they may be many, and large. */
function shownRevision(
  database: Database,
  { id, deleted, leaves, revision }: ChangeRow,
): Revision | undefined {
  const rivals = deleted ? [] : (leaves ?? []).filter(leaf => !leaf.deleted)
  if (rivals.length < 2) return revision
  return database.atOnce(() => {
    const doc = database.doc(id)
    if (doc === undefined) return undefined
    let best: { readonly _rev: string; readonly updatedAt: unknown; readonly of: Revision } | undefined
    for (const { rev } of rivals) {
      const of = rev === revision?.rev ? revision : database.revision(doc, rev)
      if (of === undefined) continue
      const leaf = { _rev: rev, updatedAt: parsed(of).updatedAt, of }
      best = chooseLeaf(best === undefined ? [leaf] : [best, leaf])
    }
    return best?.of
  })
}

/** Where nothing fits the description, what the app sends is merged into what was known last. */
function deletedMembers({ id, lastLive, time }: ChangeRow, tombstone: Revision): JsonObject | undefined {
  if (lastLive === undefined) return undefined
  const entity = entityOfDoc('main', id)
  const versions = deletedVersions(entity, { tombstone: parsed(tombstone), lastLive: parsed(lastLive), time })
  return versions.find(members => checkDoc(entity, { ...members, _id: id }).length === 0) ?? versions[1]
}

/** A clock that goes ahead would keep all others from ever being newer, and the app from ever having sent all it has. */
function receivedMembers(members: JsonObject, time: number): JsonObject {
  const updatedAt = timeSaid(members, 'updatedAt')
  return updatedAt === undefined || updatedAt <= time ? members : { ...members, updatedAt: time }
}

function updatedAtOf(members: JsonObject): number {
  return timeSaid(members, 'updatedAt') ?? Number.NEGATIVE_INFINITY
}

function parsed({ body }: Revision): JsonObject {
  const members: unknown = JSON.parse(body)
  return isJsonObject(members) ? members : {}
}
