import { databaseKindOf } from '../../../design-docs/database-kind.ts'
import { type DesignDoc, designDocsOf } from '../../../design-docs/design-doc.ts'
import type { Database, Revision, RevTree, StoredDoc } from '../../store/store.ts'
import { isDesignDocId } from './checked-doc-id.ts'
import type { DocReader } from './doc-reader.ts'

/** A document of ours. */
export type OverlayDoc = { readonly doc: StoredDoc; readonly revision: Revision }

/**
 * Our design documents, which users' databases show beside what is stored in them: in a read by id and in `_design_docs`, and nowhere else. They
 * are in no feed, listing or count, so no replication carries them to a phone, where RxDB would take them for a record of its collection.
 *
 * What is stored under such a name, deleted or not, hides ours. Nobody can make one any more (`isOverlaid`), so that is an admin's of earlier;
 * a purge takes it away. Databases that admins made and `_users` have no overlay.
 */
const OVERLAYS: Readonly<Record<'main' | 'metrics', readonly OverlayDoc[]>> = {
  main: designDocsOf('main').map(overlayDoc),
  metrics: designDocsOf('metrics').map(overlayDoc),
}

/** Our documents that this database shows. */
export function overlayOf(database: Pick<Database, 'name' | 'doc'>): readonly OverlayDoc[] {
  const kind = databaseKindOf(database.name)
  if (kind !== 'main' && kind !== 'metrics') return []
  return OVERLAYS[kind].filter(({ doc }) => database.doc(doc.id) === undefined)
}

/** True for the id of a document of ours that this database shows. */
export function isOverlaid(database: Pick<Database, 'name' | 'doc'>, id: string): boolean {
  return isDesignDocId(id) && overlayOf(database).some(({ doc }) => doc.id === id)
}

/** The database with our documents, for reads by id. */
export function withOverlay(database: Database): DocReader {
  const ours = (id: string) =>
    isDesignDocId(id) ? overlayOf(database).find(({ doc }) => doc.id === id) : undefined
  return {
    atOnce: read => database.atOnce(read),
    attachment: digest => database.attachment(digest),
    doc: (id, asked) => database.doc(id, asked) ?? ours(id)?.doc,
    revision(doc, rev) {
      const our = ours(doc.id)
      if (our?.doc !== doc) return database.revision(doc, rev)
      return our.revision.rev === rev ? our.revision : undefined
    },
  }
}

function overlayDoc({ _id: id, _rev: rev, ...content }: DesignDoc): OverlayDoc {
  return {
    doc: { id, seq: 0, time: 0, tree: treeOf(rev) },
    revision: { rev, deleted: false, body: JSON.stringify(content), attachments: undefined },
  }
}

/** The history of a document that has one revision. */
function treeOf(rev: string): RevTree {
  const winner = { rev, deleted: false }
  const [start = '', sig = ''] = rev.split('-')
  const ofRev = <Known>(asked: string, known: Known) => (asked === rev ? known : undefined)
  return {
    winner,
    leaves: () => [winner],
    has: asked => asked === rev,
    revisions: asked => ofRev(asked, { start: Number(start), ids: [sig] }),
    seqOf: asked => ofRev(asked, 0),
    leavesOf: asked => ofRev(asked, [winner]) ?? [],
    revsInfo: asked => ofRev(asked, [{ rev, status: 'available' }]) ?? [],
  }
}
