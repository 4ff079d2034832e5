import { CouchError } from '../couch-error.ts'
import type { Answer, Call, Out, Route } from '../http/route.ts'
import type { Database, Revision, StoredDoc } from '../store/store.ts'
import { isLocalDocId, localName } from './checked-doc-id.ts'
import type { CouchContext } from './couch-context.ts'
import { type DocQuery, docQuery, isPlain, membersOf, openDoc, openRevsOf } from './doc-query.ts'
import { docIdOf, docRoutes } from './doc-route.ts'
import { docText } from './doc-text.ts'
import { matchesEtag } from './etag.ts'
import { attachmentsSince, docPieces, type FoundBytes, findBytes } from './inline-attachments.ts'
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
  return database.atOnce(() => answerRevision(call, database, id))
}

function answerRevision(call: Call<DocQuery>, database: Database, id: string): Answer {
  const { doc, rev } = openDoc(database, id, call.query)
  const headers = isPlain(call.query) ? { ETag: `"${rev}"` } : undefined
  if (headers !== undefined && matchesEtag(call.headers['if-none-match'], headers.ETag))
    return { status: 304, headers, empty: true }
  const revision = database.revision(doc, rev)
  if (revision === undefined) throw new CouchError('not_found', 'missing')
  const pieces = revisionPieces(openRevision(database, doc, revision, call.query), call.query)
  if (isWithBytes(call.query)) return { headers, write: out => writePieces(out, pieces) }
  return { headers, text: `${[...pieces].join('')}\n` }
}

/** A revision that was read, with what is needed to write it. */
type OpenRevision = { readonly doc: StoredDoc; readonly revision: Revision; readonly found: FoundBytes }

function openRevision(database: Database, doc: StoredDoc, revision: Revision, query: DocQuery): OpenRevision {
  return { doc, revision, found: isWithBytes(query) ? findBytes(database, [revision]) : new Map() }
}

function isWithBytes(query: DocQuery): boolean {
  return query.attachments === true || query.atts_since !== undefined
}

/** One revision as JSON text; in small pieces only where attachments come with their bytes. */
function* revisionPieces({ doc, revision, found }: OpenRevision, query: DocQuery): Generator<string> {
  const members = membersOf(query, doc, revision.rev)
  if (isWithBytes(query)) {
    const wanted = attachmentsSince(doc, revision.rev, query.atts_since ?? [])
    yield* docPieces(found, doc.id, revision, { members, wanted })
  } else yield docText(doc.id, revision, members)
}

function answerOpenRevs(call: Call<DocQuery>, database: Database, id: string): Answer {
  return database.atOnce(() => {
    const doc = database.doc(id)
    if (doc === undefined && call.query.open_revs === 'all') throw new CouchError('not_found', 'missing')
    const revs = openRevsOf(doc, call.query)
    const open = (rev: string | undefined) =>
      database.atOnce(() => {
        const revision = doc && rev !== undefined ? database.revision(doc, rev) : undefined
        return doc && revision && openRevision(database, doc, revision, call.query)
      })
    const pieces = openRevsPieces(revs, open(revs[0]), open, call.query)
    return { write: out => writePieces(out, pieces) }
  })
}

/**
 * `[{"ok":{…}},{"missing":"1-x"}]`. The first one was read together with the document; each other one when its turn comes, for
 * conflicts may be many and large, and is missing if it is gone by then.
 */
function* openRevsPieces(
  revs: readonly string[],
  first: OpenRevision | undefined,
  open: (rev: string) => OpenRevision | undefined,
  query: DocQuery,
): Generator<string> {
  let separator = '['
  for (const [n, rev] of revs.entries()) {
    yield separator
    separator = ',\n'
    const opened = n === 0 ? first : open(rev)
    if (opened === undefined) yield `{"missing":"${rev}"}`
    else {
      yield '{"ok":'
      yield* revisionPieces(opened, query)
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
