import { CouchError } from '../couch-error.ts'
import type { Answer, Call, Out, Route } from '../http/route.ts'
import type { Database, Revision, StoredDoc } from '../store/store.ts'
import { isLocalDocId, localName } from './checked-doc-id.ts'
import type { CouchContext } from './couch-context.ts'
import { type DocQuery, docQuery, isPlain, membersOf, openDoc, openRevsOf } from './doc-query.ts'
import { docIdOf, docRoutes } from './doc-route.ts'
import { docText } from './doc-text.ts'
import { matchesEtag } from './etag.ts'
import { attachmentsSince, docPieces } from './inline-attachments.ts'
import { answerLocalDoc } from './local-docs.ts'
import { TextWriter } from './text-writer.ts'

/** `GET /db/doc` in all its forms. */
export function docReadRoutes(context: CouchContext): readonly Route[] {
  return docRoutes(context, '', { method: 'GET', query: docQuery, handle: readDocument })
}

function readDocument(call: Call<DocQuery>, database: Database): Answer {
  const id = docIdOf(call)
  if (isLocalDocId(id)) return answerLocalDoc(database, localName(id))
  if (call.query.open_revs !== undefined) return answerOpenRevs(call, database, id)
  const { doc, rev } = openDoc(database, id, call.query)
  const headers = isPlain(call.query) ? { ETag: `"${rev}"` } : undefined
  if (headers !== undefined && matchesEtag(call.headers['if-none-match'], headers.ETag))
    return { status: 304, headers, empty: true }
  const revision = database.revision(doc, rev)
  if (revision === undefined) throw new CouchError('not_found', 'missing')
  const pieces = revisionPieces(database, doc, revision, call.query)
  if (call.query.attachments || call.query.atts_since)
    return { headers, write: out => writePieces(out, pieces) }
  return { headers, text: `${[...pieces].join('')}\n` }
}

/** One revision as JSON text; in small pieces only where attachments come with their bytes. */
function* revisionPieces(
  database: Database,
  doc: StoredDoc,
  revision: Revision,
  query: DocQuery,
): Generator<string> {
  const members = membersOf(query, doc, revision.rev)
  if (query.attachments || query.atts_since) {
    const wanted = attachmentsSince(doc, revision.rev, query.atts_since ?? [])
    yield* docPieces(database, doc.id, revision, { members, wanted })
  } else yield docText(doc.id, revision, members)
}

function answerOpenRevs(call: Call<DocQuery>, database: Database, id: string): Answer {
  const doc = database.doc(id)
  if (doc === undefined && call.query.open_revs === 'all') throw new CouchError('not_found', 'missing')
  const revs = openRevsOf(doc, call.query)
  return { write: out => writePieces(out, openRevsPieces(database, doc, revs, call.query)) }
}

/** `[{"ok":{…}},{"missing":"1-x"}]` */
function* openRevsPieces(
  database: Database,
  doc: StoredDoc | undefined,
  revs: readonly string[],
  query: DocQuery,
): Generator<string> {
  let separator = '['
  for (const rev of revs) {
    yield separator
    separator = ',\n'
    const revision = doc === undefined ? undefined : database.revision(doc, rev)
    if (doc === undefined || revision === undefined) yield `{"missing":"${rev}"}`
    else {
      yield '{"ok":'
      yield* revisionPieces(database, doc, revision, query)
      yield '}'
    }
  }
  yield revs.length === 0 ? '[]\n' : ']\n'
}

async function writePieces(out: Out, pieces: Iterable<string>): Promise<void> {
  const writer = new TextWriter(out)
  await writer.addAll(pieces)
  await writer.flush()
}
