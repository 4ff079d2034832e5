import { CouchError } from '../../couch-error.ts'
import { prefersMultipart } from '../../http/accept.ts'
import { matchesEtag } from '../../http/etag.ts'
import { multipartLength, multipartPieces, newBoundary } from '../../http/multipart-writer.ts'
import type { Answer, Call, Route } from '../../http/route.ts'
import { writePieces } from '../../http/text-writer.ts'
import type { Database } from '../../store/store.ts'
import { isLocalDocId, localName } from '../content/checked-doc-id.ts'
import { withOverlay } from '../content/design-overlay.ts'
import { type DocQuery, docQuery, isPlain, openDoc } from '../content/doc-query.ts'
import type { DocReader } from '../content/doc-reader.ts'
import { type OpenRevision, openRevision, relatedParts, revisionPieces } from '../content/open-revision.ts'
import type { CouchContext } from '../couch-context.ts'
import { docIdOf, docRoutes } from './doc-route.ts'
import { answerLocalDoc } from './local-docs.ts'
import { answerOpenRevs } from './open-revs.ts'

/** `GET /db/doc` in all its forms. */
export function docReadRoutes(context: CouchContext): readonly Route[] {
  return docRoutes(context, '', { method: 'GET', query: docQuery, handle: readDocument })
}

function readDocument(call: Call<DocQuery>, database: Database): Answer {
  const id = docIdOf(call)
  if (isLocalDocId(id)) return answerLocalDoc(database, localName(id))
  const reader = withOverlay(database)
  if (call.query.open_revs !== undefined) return answerOpenRevs(call, reader, id)
  const answer = () => answerRevision(call, reader, id)
  return isOneRead(call.query) ? answer() : database.atOnce(answer)
}

/** True if all that is asked for is read together with the document. */
function isOneRead({ rev, attachments, atts_since: attsSince }: DocQuery): boolean {
  return rev === undefined && attachments !== true && attsSince === undefined
}

function answerRevision({ query, headers: asked }: Call<DocQuery>, database: DocReader, id: string): Answer {
  const { doc, rev } = openDoc(database, id, query)
  const headers = isPlain(query) ? { ETag: `"${rev}"` } : undefined
  if (headers !== undefined && matchesEtag(asked['if-none-match'], headers.ETag))
    return { status: 304, headers, empty: true }
  const withBytes = query.attachments === true || query.atts_since !== undefined
  const opened = openRevision(database, doc, rev, {
    members: query,
    withBytes,
    attsSince: query.atts_since ?? [],
  })
  if (opened === undefined) throw new CouchError('not_found', 'missing')
  if (!withBytes) return { headers, text: `${[...revisionPieces(opened)].join('')}\n` }
  const related = prefersMultipart(asked, 'multipart/related') ? relatedAnswer(opened) : undefined
  return related ?? { isRead: true, write: out => writePieces(out, revisionPieces(opened)) }
}

/** The document with its attachments' bytes behind it. Undefined if there are none to send: it is JSON then. */
function relatedAnswer(opened: OpenRevision): Answer | undefined {
  const parts = relatedParts(opened)
  if (parts.length === 1) return undefined
  const boundary = newBoundary()
  return {
    headers: {
      'Content-Type': `multipart/related; boundary="${boundary}"`,
      'Content-Length': String(multipartLength(boundary, parts)),
    },
    isRead: true,
    write: out => writePieces(out, multipartPieces(boundary, parts)),
  }
}
