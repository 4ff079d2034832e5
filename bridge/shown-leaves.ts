import { chooseLeaf, compareRevs } from '../design-docs/choose-leaf.ts'
import type { JsonObject } from '../design-docs/json-object.ts'
import { type Change, type DocRev, readRevs } from './changes-feed.ts'
import type { CouchClient } from './couch-client.ts'

/** Whom to ask for the bodies of leaves. */
export type LeafReader = {
  readonly client: CouchClient
  readonly signal: AbortSignal
  readonly database: string
}

/**
 * The same changes in their order, each with the leaf that is shown as its `doc`. A document may have any number of leaves of
 * any size: only the better one is kept while they are read, and what is ready is handed on before more is asked for.
 */
export async function* withShownLeaves(
  reader: LeafReader,
  changes: readonly Change[],
): AsyncGenerator<readonly Change[]> {
  const rivals = rivalRevs(changes)
  let [ready, asked] = [0, 0]
  const best = new Map<string, JsonObject | undefined>()
  const answers = rivals.length === 0 ? [] : readRevs(reader.client, reader.database, rivals, reader.signal)
  for await (const answer of answers) {
    asked += answer.asked
    const next = rivals[asked]?.id
    // The one whose leaves are still to come is in this answer, too.
    const end = next === undefined ? changes.length : changes.findIndex(({ id }) => id === next)
    for (const { id, doc } of changes.slice(ready, end + 1)) if (!best.has(id)) best.set(id, doc)
    for (const doc of answer.docs) {
      const id = String(doc._id)
      if (best.has(id)) best.set(id, betterLeaf(best.get(id), doc))
    }
    // Not while the leaves of the next document are still to come.
    if (end === ready) continue
    yield changes.slice(ready, end).map(change => ({ ...change, doc: best.get(change.id) }))
    for (const { id } of changes.slice(ready, end)) best.delete(id)
    ready = end
  }
  if (ready < changes.length) yield changes.slice(ready)
}

function betterLeaf(one: JsonObject | undefined, other: JsonObject): JsonObject | undefined {
  const leaves = (one === undefined ? [other] : [one, other]).map(doc => ({
    doc,
    _rev: String(doc._rev),
    _deleted: doc._deleted === true,
    updatedAt: doc.updatedAt,
  }))
  return chooseLeaf(leaves)?.doc
}

/** The revisions whose bodies decide which leaf of a conflict is shown. A deleted winner has no living rival. */
export function rivalRevs(changes: readonly Change[]): DocRev[] {
  return changes
    .filter(change => !change.deleted && change.revs.length > 1 && !change.id.startsWith('_design/'))
    .flatMap(({ id, revs, doc }) => {
      const winner = String(doc?._rev ?? [...revs].sort(compareRevs).at(-1))
      return revs.filter(rev => rev !== winner).map(rev => ({ id, rev }))
    })
}
