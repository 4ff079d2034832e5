import { CouchError } from '../../couch-error.ts'
import { prefersMultipart } from '../../http/accept.ts'
import { multipartPieces, newBoundary } from '../../http/multipart-writer.ts'
import type { Answer, Call } from '../../http/route.ts'
import { writePieces } from '../../http/text-writer.ts'
import { type DocQuery, openRevsOf } from '../content/doc-query.ts'
import type { DocReader } from '../content/doc-reader.ts'
import { errorPart, type OpenRev, openRevs, revisionPart, revisionPieces } from '../content/open-revision.ts'

/** `GET /db/doc?open_revs=…`: several revisions of one document, as a JSON list or a part for each. Parts always have the bytes. */
export function answerOpenRevs(call: Call<DocQuery>, database: DocReader, id: string): Answer {
  const { query, headers } = call
  const isMixed = prefersMultipart(headers, 'multipart/mixed')
  const form = {
    members: query,
    withBytes: isMixed || query.attachments === true || query.atts_since !== undefined,
    attsSince: query.atts_since ?? [],
  }
  const opened = database.atOnce(() => {
    const doc = database.doc(id)
    if (doc === undefined && query.open_revs === 'all') throw new CouchError('not_found', 'missing')
    return openRevs(database, doc, openRevsOf(doc, query), form)
  })
  return isMixed ? mixedAnswer(opened) : { isRead: true, write: out => writePieces(out, jsonPieces(opened)) }
}

function mixedAnswer(opened: Iterable<OpenRev>): Answer {
  const boundary = newBoundary()
  return {
    headers: { 'Content-Type': `multipart/mixed; boundary="${boundary}"` },
    isRead: true,
    write: out => writePieces(out, multipartPieces(boundary, mixedParts(opened))),
  }
}

function* mixedParts(opened: Iterable<OpenRev>) {
  for (const { rev, revision } of opened)
    yield revision === undefined ? errorPart({ missing: rev }) : revisionPart(revision)
}

/** `[{"ok":{…}},{"missing":"1-x"}]` */
function* jsonPieces(opened: Iterable<OpenRev>): Generator<string> {
  let separator = '['
  for (const { rev, revision } of opened) {
    yield separator
    separator = ',\n'
    if (revision === undefined) yield `{"missing":"${rev}"}`
    else {
      yield '{"ok":'
      yield* revisionPieces(revision)
      yield '}'
    }
  }
  yield separator === '[' ? '[]\n' : ']\n'
}
