import { createError, MISSING_DOC } from 'pouchdb-errors'
import { checkedDocId, localName } from '../couch/content/checked-doc-id.ts'
import { bodyText, type RawDoc } from '../couch/content/doc-input.ts'
import { checkedLocalRev } from '../couch/content/rev.ts'
import type { Database } from '../store/store.ts'

/** What PouchDB's core is answered for a document that was written. */
export type Written = { readonly ok: true; readonly id: string; readonly rev: string }

/** A local document, `_local/` and all. */
export function localDoc(database: Database, id: string): object {
  const doc = database.localDoc(localName(id))
  if (doc === undefined) throw createError(MISSING_DOC)
  return { ...JSON.parse(doc.body), _id: id, _rev: doc.rev }
}

/** Writes a local document, or deletes it where it says `_deleted`. */
export async function writeLocalDoc(database: Database, doc: RawDoc): Promise<Written> {
  const id = checkedDocId(doc._id)
  const name = localName(id)
  if (doc._deleted && database.localDoc(name) === undefined) throw createError(MISSING_DOC)
  const rev = doc._rev === undefined ? undefined : checkedLocalRev(doc._rev, '_rev')
  const body = doc._deleted ? null : bodyText(doc)
  return { ok: true, id, ...(await database.writeLocalDoc(name, rev, body)) }
}
