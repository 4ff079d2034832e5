import { z } from 'zod'
import { isJsonObject } from '../../../design-docs/json-object.ts'
import { CouchError } from '../../couch-error.ts'
import { multipartOverJson } from '../../http/accept.ts'
import { idValue } from '../../http/header-values.ts'
import { multipartPieces, newBoundary, type WrittenPart } from '../../http/multipart-writer.ts'
import type { Answer, Call, Route } from '../../http/route.ts'
import { writePieces } from '../../http/text-writer.ts'
import type { Database, StoredDoc } from '../../store/store.ts'
import { withOverlay } from '../content/design-overlay.ts'
import { latestOf, leafRevsOf, membersOf } from '../content/doc-query.ts'
import type { DocReader } from '../content/doc-reader.ts'
import { docText } from '../content/doc-text.ts'
import { ALL_ATTACHMENTS, type FoundBytes } from '../content/inline-attachments.ts'
import {
  errorPart,
  type OpenRevision,
  openRevs,
  revisionPart,
  revisionPieces,
} from '../content/open-revision.ts'
import { isRev } from '../content/rev.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'
import { flag } from '../query-values.ts'

const MAX_BYTES = 32 * 1024 * 1024

const bulkGetQuery = z.object({
  revs: flag.optional(),
  latest: flag.optional(),
  attachments: flag.optional(),
})

type BulkGetQuery = z.infer<typeof bulkGetQuery>

/** One of the rows asked for. */
type Asked = { readonly id?: unknown; readonly rev?: unknown; readonly atts_since?: unknown }

/** What one of its revisions came to. */
type Outcome = OpenRevision | Failure
type Failure = {
  readonly id: string
  readonly rev: unknown
  readonly error: 'bad_request' | 'not_found'
  readonly reason: string
}

/** The answer to one of them, with at least one outcome. */
type Result = { readonly id: string; readonly outcomes: Iterable<Outcome> }

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
      handle: bulkGet,
    }),
  ]
}

function bulkGet({ body, query, headers }: Call<BulkGetQuery>, database: Database): Answer {
  const rows = readAsked(body)
  const multipart = multipartOverJson(headers)
  if (multipart === undefined) {
    const results = resultsOf(database, rows, query)
    return { write: out => writePieces(out, jsonPieces(results)) }
  }
  const boundary = newBoundary()
  const results = resultsOf(database, rows, { ...query, attachments: true })
  return {
    headers: { 'Content-Type': `${multipart}; boundary="${boundary}"` },
    write: out => writePieces(out, multipartPieces(boundary, partsOf(results))),
  }
}

function readAsked(body: unknown): readonly Asked[] {
  const docs = isJsonObject(body) ? body.docs : undefined
  if (!Array.isArray(docs)) throw new CouchError('bad_request', "Missing JSON list of 'docs'.")
  return docs.map(doc => (isJsonObject(doc) ? doc : {}))
}

/** So many documents are read at once, when the turn of the first one comes. */
const READ_AT_ONCE = 100

/** One result for each row. */
function* resultsOf(database: Database, rows: readonly Asked[], query: BulkGetQuery): Generator<Result> {
  const reader = withOverlay(database)
  for (let at = 0; at < rows.length; ) {
    const some = rows.slice(at, at + READ_AT_ONCE)
    const docs = database.docsNamed(some.map(({ id }) => (typeof id === 'string' ? id : '')))
    for (const [index, doc] of docs.entries()) yield resultOf(reader, some[index] ?? {}, doc, query)
    at += docs.length
  }
}

function resultOf(database: DocReader, row: Asked, doc: StoredDoc | undefined, query: BulkGetQuery): Result {
  const { id } = row
  if (typeof id !== 'string')
    return { id: '', outcomes: [failure('', row.rev, 'bad_request', 'document id missed')] }
  const winner = doc && winnerAlone(doc, row, query)
  if (winner !== undefined) return { id, outcomes: [winner] }
  return { id, outcomes: database.atOnce(() => outcomesOf(database, { ...row, id }, query)) }
}

/** The usual row asks for what was read already: the winner, without the bytes of attachments. Anything else has to be read in one moment. */
function winnerAlone(
  doc: StoredDoc,
  { rev, atts_since }: Asked,
  { revs, attachments }: BulkGetQuery,
): OpenRevision | undefined {
  const { winner, tree } = doc
  if (winner === undefined || atts_since !== undefined) return undefined
  if (attachments && winner.attachments !== undefined) return undefined
  if (rev === undefined ? tree.leaves().length > 1 : rev !== winner.rev) return undefined
  return {
    id: doc.id,
    revision: winner,
    members: membersOf({ revs }, doc, winner.rev),
    found: NO_BYTES,
    wanted: ALL_ATTACHMENTS,
  }
}

const NO_BYTES: FoundBytes = new Map()

/** Without a rev all leaves are meant. */
function outcomesOf(
  database: DocReader,
  { id, rev, atts_since: since = [] }: Asked & { readonly id: string },
  query: BulkGetQuery,
): Iterable<Outcome> {
  if (rev !== undefined && !isRev(rev)) return [failure(id, rev, 'bad_request', 'Invalid rev format')]
  if (!Array.isArray(since) || !since.every(isRev))
    return [failure(id, rev, 'bad_request', '`atts_since` must be a list of revs')]
  const doc = database.doc(id)
  if (doc === undefined) return [failure(id, rev, 'not_found', 'missing')]
  const named = query.latest && rev !== undefined ? latestOf(doc, rev) : [rev ?? '']
  const opened = openRevs(database, doc, rev === undefined ? leafRevsOf(doc) : named, {
    members: { revs: query.revs },
    withBytes: query.attachments ?? since.length > 0,
    attsSince: since,
  })
  return foundOrMissing(id, opened)
}

function* foundOrMissing(id: string, opened: ReturnType<typeof openRevs>): Generator<Outcome> {
  for (const { rev, revision } of opened) yield revision ?? failure(id, rev, 'not_found', 'missing')
}

/** A rev that is a list or an object is not repeated: it may be nested too deep to be written as JSON again. */
function failure(id: string, rev: unknown, error: Failure['error'], reason: string): Failure {
  return { id, rev: rev === undefined || typeof rev === 'object' ? 'undefined' : rev, error, reason }
}

/** `{"results":[{"id":…,"docs":[{"ok":{…}},{"error":{…}}]}]}`; few pieces for each row, of which there are many. */
function* jsonPieces(results: Iterable<Result>): Generator<string> {
  let separator = '{"results":['
  for (const { id, outcomes } of results) {
    yield* outcomePieces(`${separator}{"id":${JSON.stringify(id)},"docs":[`, outcomes)
    separator = ']},\n'
  }
  yield separator === ']},\n' ? ']}]}\n' : '{"results":[]}\n'
}

function* outcomePieces(head: string, outcomes: Iterable<Outcome>): Generator<string> {
  let before = head
  for (const outcome of outcomes) {
    if ('error' in outcome) yield `${before}${JSON.stringify({ error: outcome })}`
    else if (outcome.found.size === 0) {
      yield `${before}{"ok":${docText(outcome.id, outcome.revision, outcome.members)}}`
    } else {
      yield `${before}{"ok":`
      yield* revisionPieces(outcome)
      yield '}'
    }
    before = ','
  }
}

/** A part for each outcome, with the bytes of attachments. Which one it belongs to stands in its JSON. */
function* partsOf(results: Iterable<Result>): Generator<WrittenPart> {
  for (const { outcomes } of results) {
    for (const outcome of outcomes)
      yield 'error' in outcome ? errorPart(outcome) : revisionPart(outcome, identity(outcome))
  }
}

function identity({ id, revision }: OpenRevision): readonly string[] {
  const value = idValue(id)
  return [...(value === undefined ? [] : [`X-Doc-Id: ${value}`]), `X-Rev-Id: ${revision.rev}`]
}
