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
 * Whether a changed document is none to this device, because it shows what the device sent itself and what is stored exactly so. Nothing is
 * remembered for it: the rev tells. In doubt it is a change: what a device is told twice does little harm, what it is never told is lost to it.
 * So what others were told already comes again when a version is added that is not shown: a document may have moved behind the end of a pull
 * while that was read, and no place says whether it did.
 */
export function isKnown(database: Database, shown: ShownVersion, puller: Puller): boolean {
  const { rev, revision } = shown
  const { deviceId, ownPlace } = puller
  if (!names(revision.body, deviceId)) return false
  const doc = database.doc(shown.id)
  const seq = doc?.tree.seqOf(rev)
  if (doc === undefined || seq === undefined || seq <= ownPlace) return false
  return isAsPushed(doc.tree, revision, deviceId) && !hasSentSince(database, doc, { rev, seq, deviceId })
}

/**
 * Of a document that was deleted before it ever lived here only a device need hear that has sent a version of it: one that is not shown, or
 * is not stored as it was sent. With a clock that is ahead it would send its own deletion again each time, until it hears when that was.
 */
export function concernsSender(database: Database, buried: ShownVersion, deviceId: string): boolean {
  const { id, rev, revision } = buried
  const doc = database.doc(id)
  if (doc === undefined) return false
  const isOther = names(revision.body, deviceId) && !isAsPushed(doc.tree, revision, deviceId)
  return isOther || hasSentSince(database, doc, { rev, seq: 0, deviceId })
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

function otherLeaves({ tree }: StoredDoc, rev: string): readonly Leaf[] {
  return tree.leaves().filter(leaf => leaf.rev !== rev)
}
