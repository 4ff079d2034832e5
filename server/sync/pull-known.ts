import type { Database, Leaf, StoredDoc } from '../store/store.ts'
import { isAsPushed } from './pushed-rev.ts'
import type { ShownVersion } from './shown-version.ts'

/** Who pulls, and what is known to him. */
export type Puller = {
  readonly deviceId: string
  /** The place that was told to the device: all up to there it knows. 0 if there is none. */
  readonly place: number
  /** Behind this place it knows what it wrote itself: see told-places.ts. */
  readonly ownPlace: number
}

/**
 * Whether a changed document is none to this device: it shows what the device sent itself and what is stored exactly so, or what it was
 * told already, because others only added versions that are not shown. Nothing is remembered for it: both can be told from the rev tree.
 * In doubt it is a change: what a device is told twice does little harm, what it is never told is lost to it.
 */
export function isKnown(database: Database, shown: ShownVersion, puller: Puller): boolean {
  const isOwn = names(shown.revision.body, puller.deviceId)
  if (!isOwn && puller.place === 0) return false
  const doc = database.doc(shown.id)
  const seq = doc?.tree.seqOf(shown.rev)
  if (doc === undefined || seq === undefined) return false
  if (isOwn && seq > puller.ownPlace && isAsPushed(doc.tree, shown.revision, puller.deviceId))
    return !hasSentSince(database, doc, { rev: shown.rev, seq, deviceId: puller.deviceId })
  return (
    seq <= puller.place &&
    wasShownAt(doc, shown.rev, puller.place) &&
    !hasSentSince(database, doc, { rev: shown.rev, seq: puller.place, deviceId: puller.deviceId })
  )
}

/**
 * Whether this device has sent a version of the document that is not shown, since it was last told of it. Of a document that was deleted
 * before it ever lived here nobody else need hear.
 */
export function hasSentHidden(
  database: Database,
  { id, rev }: ShownVersion,
  { place, deviceId }: Puller,
): boolean {
  const doc = database.doc(id)
  return doc !== undefined && hasSentSince(database, doc, { rev, seq: place, deviceId })
}

/** Whether a body may be of this device: its id needs no escape in JSON. */
function names(body: string, deviceId: string): boolean {
  return body.includes(`"${deviceId}"`)
}

/** What the device sent later and is not shown: it believes that its own version is the shown one. */
function hasSentSince(
  database: Database,
  doc: StoredDoc,
  since: { readonly rev: string; readonly seq: number; readonly deviceId: string },
): boolean {
  return otherLeaves(doc, since.rev).some(({ rev }) => {
    const seq = doc.tree.seqOf(rev)
    if (seq !== undefined && seq <= since.seq) return false
    const body = database.revision(doc, rev)?.body
    return body === undefined || names(body, since.deviceId)
  })
}

/**
 * Whether this leaf was the shown one at an earlier place, too. Each other branch either came later, or ends now where it ended then: then
 * it was no better than now. One that has grown since may have been the shown one before.
 */
function wasShownAt(doc: StoredDoc, shownRev: string, place: number): boolean {
  const isOld = (rev: string) => (doc.tree.seqOf(rev) ?? 0) <= place
  const shared = new Set(revsTo(doc, shownRev))
  return otherLeaves(doc, shownRev).every(
    ({ rev }) => isOld(rev) || !revsTo(doc, rev).some(older => !shared.has(older) && isOld(older)),
  )
}

function otherLeaves({ tree }: StoredDoc, rev: string): readonly Leaf[] {
  return tree.leaves().filter(leaf => leaf.rev !== rev)
}

function revsTo({ tree }: StoredDoc, rev: string): readonly string[] {
  const { start, ids } = tree.revisions(rev) ?? { start: 0, ids: [] }
  return ids.map((sig, depth) => `${start - depth}-${sig}`)
}
