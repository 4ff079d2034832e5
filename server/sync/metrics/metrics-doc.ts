import { checkDoc } from '../../../design-docs/check-doc.ts'
import { chooseLeaf } from '../../../design-docs/choose-leaf.ts'
import { metrics } from '../../../design-docs/entities/metrics.ts'
import type { JsonObject } from '../../../design-docs/json-object.ts'
import { isUuid } from '../../../design-docs/uuid.ts'
import type { Database, Revision } from '../../store/store.ts'
import { bodyMembers } from '../body-members.ts'

/** A document with samples, at the version that its rows show. */
export type MetricsDoc = {
  readonly revision: Revision
  /** All but the samples. */
  readonly members: JsonObject
  readonly samples: readonly JsonObject[]
}

/**
 * The samples that a document has for a session. Undefined if it has none: it is deleted, or is of another session whose reference begins
 * with the same letters, or does not fit its description, so that it has no rows and its problems are told elsewhere.
 */
export function metricsDoc(database: Database, id: string, session: string): MetricsDoc | undefined {
  const shown = shownLeaf(database, id)
  if (shown === undefined || referenceOf(shown.body.sessionId) !== session) return undefined
  if (checkDoc(metrics, { ...shown.body, _id: id }).length > 0) return undefined
  const { samples, ...members } = shown.body
  return { revision: shown.revision, members, samples: Array.isArray(samples) ? samples : [] }
}

type ParsedLeaf = { readonly revision: Revision; readonly body: JsonObject }

/** Of conflicting versions all but the better one are forgotten while they are read. */
function shownLeaf(database: Database, id: string): ParsedLeaf | undefined {
  return database.atOnce(() => {
    const doc = database.doc(id, { withWinner: true })
    if (doc === undefined || doc.tree.winner.deleted) return undefined
    let best: ParsedLeaf | undefined
    for (const { rev, deleted } of doc.tree.leaves()) {
      if (deleted) continue
      const revision = rev === doc.winner?.rev ? doc.winner : database.revision(doc, rev)
      if (revision !== undefined) best = better(best, { revision, body: bodyMembers(revision.body) })
    }
    return best
  })
}

function better(a: ParsedLeaf | undefined, b: ParsedLeaf): ParsedLeaf {
  if (a === undefined) return b
  const leaves = [a, b].map(leaf => ({ _rev: leaf.revision.rev, updatedAt: leaf.body.updatedAt, leaf }))
  return chooseLeaf(leaves)?.leaf ?? a
}

/** A client id that is a UUID may stand there in capitals. */
function referenceOf(sessionId: unknown): unknown {
  return typeof sessionId === 'string' && isUuid(sessionId) ? sessionId.toLowerCase() : sessionId
}
