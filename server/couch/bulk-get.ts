import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { isJsonObject } from '../../design-docs/json-object.ts'
import { CouchError } from '../couch-error.ts'
import type { Call, Route } from '../http/route.ts'
import type { Database, Revision, StoredDoc } from '../store/store.ts'
import { type CouchContext, databaseRoute } from './couch-context.ts'
import { latestOf, membersOf } from './doc-query.ts'
import { docText } from './doc-text.ts'
import { attachmentsSince, docPieces, type FoundBytes, findBytes } from './inline-attachments.ts'
import { flag } from './query-values.ts'
import { isRev } from './rev.ts'
import { TextWriter } from './text-writer.ts'

const MAX_BYTES = 32 * 1024 * 1024
/** So many rows are written before other clients have their turn. */
const ROWS_OF_A_TURN = 100

const bulkGetQuery = z.object({
  revs: flag.optional(),
  latest: flag.optional(),
  attachments: flag.optional(),
})

type BulkGetQuery = z.infer<typeof bulkGetQuery>

/** One of the revisions asked for. */
type Asked = { readonly id?: unknown; readonly rev?: unknown; readonly atts_since?: unknown }

/**
 * `POST /db/_bulk_get`: many revisions at once. One result per row that was asked for, in that order, and what went wrong with
 * a row stands within its result: PouchDB loses a document without a word when a row is empty.
 */
export function bulkGetRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_bulk_get',
      query: bulkGetQuery,
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BYTES },
      handle(call, database) {
        const asked = readAsked(call.body)
        return { write: out => writeResults(new TextWriter(out), asked, call, database) }
      },
    }),
  ]
}

function readAsked(body: unknown): readonly Asked[] {
  const docs = isJsonObject(body) ? body.docs : undefined
  if (!Array.isArray(docs)) throw new CouchError('bad_request', "Missing JSON list of 'docs'.")
  return docs.map(doc => (isJsonObject(doc) ? doc : {}))
}

async function writeResults(
  writer: TextWriter,
  rows: readonly Asked[],
  call: Call<BulkGetQuery>,
  database: Database,
): Promise<void> {
  let separator = '{"results":['
  for (const [index, asked] of rows.entries()) {
    if (index % ROWS_OF_A_TURN === 0) await setImmediate()
    const pieces = database.atOnce(() => resultPieces(database, asked, call.query))
    await writer.add(separator)
    await writer.addAll(pieces)
    separator = ',\n'
  }
  await writer.add(rows.length === 0 ? '{"results":[]}\n' : ']}\n')
  await writer.flush()
}

/** `{"id":…,"docs":[…]}` of one row, whole, or in pieces where attachments come with their bytes. */
function resultPieces(database: Database, asked: Asked, query: BulkGetQuery): Iterable<string> {
  const { id, rev } = asked
  if (typeof id !== 'string') return [errorResult('', rev, 'bad_request', 'document id missed')]
  if (rev !== undefined && !isRev(rev)) return [errorResult(id, rev, 'bad_request', 'Invalid rev format')]
  const doc = database.doc(id)
  if (doc === undefined) return [errorResult(id, rev, 'not_found', 'missing')]
  const revs = rev === undefined ? [doc.tree.winner.rev] : query.latest ? latestOf(doc, rev) : [rev]
  if (query.attachments) {
    const open = (rev: string) => openRevision(database, doc, rev)
    return revisionPieces(doc, revs, { query, asked, open, first: open(revs[0] ?? '') })
  }
  const docs = revs.map(rev => okText(database, doc, rev, query))
  return [`{"id":${JSON.stringify(id)},"docs":[${docs.join(',')}]}`]
}

function okText(database: Database, doc: StoredDoc, rev: string, query: BulkGetQuery): string {
  const revision = database.revision(doc, rev)
  if (revision === undefined) return errorText(doc.id, rev, 'not_found', 'missing')
  return `{"ok":${docText(doc.id, revision, membersOf(query, doc, rev))}}`
}

type OpenRevision = { readonly revision: Revision; readonly found: FoundBytes }

function openRevision(database: Database, doc: StoredDoc, rev: string): OpenRevision | undefined {
  return database.atOnce(() => {
    const revision = database.revision(doc, rev)
    return revision && { revision, found: findBytes(database, [revision]) }
  })
}

/** The first one was read together with the document; each other one when its turn comes, for leaves may be many and large. */
function* revisionPieces(
  doc: StoredDoc,
  revs: readonly string[],
  row: {
    readonly query: BulkGetQuery
    readonly asked: Asked
    readonly open: (rev: string) => OpenRevision | undefined
    readonly first: OpenRevision | undefined
  },
): Generator<string> {
  let separator = `{"id":${JSON.stringify(doc.id)},"docs":[`
  for (const [n, rev] of revs.entries()) {
    yield separator
    separator = ','
    const opened = n === 0 ? row.first : row.open(rev)
    if (opened === undefined) yield errorText(doc.id, rev, 'not_found', 'missing')
    else {
      yield '{"ok":'
      const since = Array.isArray(row.asked.atts_since) ? row.asked.atts_since : []
      const wanted = attachmentsSince(doc, rev, since)
      const members = membersOf(row.query, doc, rev)
      yield* docPieces(opened.found, doc.id, opened.revision, { members, wanted })
      yield '}'
    }
  }
  yield ']}'
}

function errorResult(id: string, rev: unknown, error: string, reason: string): string {
  return `{"id":${JSON.stringify(id)},"docs":[${errorText(id, rev, error, reason)}]}`
}

/** A rev that is a list or an object is not repeated: it may be nested too deep to be written as JSON again. */
function errorText(id: string, rev: unknown, error: string, reason: string): string {
  const shown = rev === undefined || typeof rev === 'object' ? 'undefined' : rev
  return JSON.stringify({ error: { id, rev: shown, error, reason } })
}
