import { isJsonObject, type JsonObject, memberOf } from '../design-docs/json-object.ts'
import { AnswerTooLarge, type CouchClient, ServerError } from './couch-client.ts'

/** One row of a changes feed: the last change of a document. */
export interface Change {
  readonly id: string
  readonly seq: string
  /** The leaves, deleted ones too, the winning rev first. */
  readonly revs: readonly string[]
  readonly deleted: boolean
  /** The winner. */
  readonly doc: JsonObject | undefined
  /** The body that a deleted document last had; null if it never had one, undefined if the server keeps none. */
  readonly lastLive: JsonObject | null | undefined
  /** When the server took the change, epoch milliseconds; undefined if it does not say. */
  readonly time: number | undefined
}

/** A page of a changes feed. */
export interface ChangesPage {
  readonly changes: readonly Change[]
  /** The place after the page. */
  readonly cursor: string
  /** How many changes the feed still holds. */
  readonly pending: number
  /** The page begins earlier than it was asked to: what was mirrored up to there may no longer be so. */
  readonly rewound: boolean
}

export type ChangesQuery = {
  readonly database: string
  /** Undefined: from the start. */
  readonly since: string | undefined
  readonly limit: number
  /** Only these documents. */
  readonly docIds?: readonly string[] | undefined
  readonly signal: AbortSignal
}

/** Memory for one page. A single document may be larger, and is read all the same. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024

/** Reads one page: at most `limit` changes, fewer if they are large. */
export async function readChanges(client: CouchClient, query: ChangesQuery): Promise<ChangesPage> {
  for (let limit = query.limit; ; limit = Math.max(1, Math.floor(limit / 4))) {
    try {
      return moved(query, await readPage(client, query, limit))
    } catch (error) {
      if (!(error instanceof AnswerTooLarge) || limit === 1) throw error
    }
  }
}

/** Who reads on from where he was would never come to the end, and who took it for the end would lose what is behind it. */
function moved({ database, since }: ChangesQuery, page: ChangesPage): ChangesPage {
  if (page.pending === 0 || page.cursor !== since) return page
  throw new ServerError(
    `the feed of ${database} does not move on from ${since}, and says that there is more`,
    {},
  )
}

async function readPage(client: CouchClient, query: ChangesQuery, limit: number): Promise<ChangesPage> {
  const { database, since, docIds, signal } = query
  const parameters = new URLSearchParams({
    style: 'all_docs',
    include_docs: 'true',
    last_live: 'true',
    limit: String(limit),
    since: since ?? '0',
    ...(docIds === undefined ? {} : { filter: '_doc_ids' }),
  })
  const answer = await client.json({
    path: `${encodeURIComponent(database)}/_changes?${parameters}`,
    ...(docIds === undefined ? {} : { body: { doc_ids: docIds } }),
    ...(limit === 1 ? {} : { maxBytes: MAX_PAGE_BYTES }),
    signal,
  })
  return parsePage(answer, limit)
}

function parsePage(answer: unknown, limit: number): ChangesPage {
  const results = isJsonObject(answer) ? memberOf(answer, 'results') : undefined
  if (!isJsonObject(answer) || !Array.isArray(results)) throw notAFeed()
  const pending = memberOf(answer, 'pending')
  return {
    changes: results.map(parseChange),
    cursor: parseSeq(memberOf(answer, 'last_seq')),
    // A server that does not count has more when it filled the page.
    pending: typeof pending === 'number' ? pending : results.length < limit ? 0 : 1,
    rewound: memberOf(answer, 'rewound') === true,
  }
}

function parseChange(row: unknown): Change {
  if (!isJsonObject(row)) throw notAFeed()
  const id = memberOf(row, 'id')
  const changes = memberOf(row, 'changes')
  if (typeof id !== 'string' || !Array.isArray(changes)) throw notAFeed()
  const doc = memberOf(row, 'doc')
  // Not by memberOf, to which null is nothing: here it says that the document was never alive.
  const lastLive = row.last_live
  const time = memberOf(row, 'time')
  return {
    id,
    seq: parseSeq(memberOf(row, 'seq')),
    revs: changes.map(change => String(isJsonObject(change) ? change.rev : undefined)),
    deleted: memberOf(row, 'deleted') === true,
    doc: isJsonObject(doc) ? doc : undefined,
    lastLive: isJsonObject(lastLive) || lastLive === null ? lastLive : undefined,
    time: typeof time === 'number' ? time : undefined,
  }
}

/** A number in CouchDB 1, text since then. Its inside is the server's own business. */
function parseSeq(seq: unknown): string {
  if (typeof seq !== 'string' && typeof seq !== 'number') throw notAFeed()
  return String(seq)
}

function notAFeed(): ServerError {
  return new ServerError('the server answers something else than a changes feed', {})
}

/** Whether the server says, in CouchDB's words, that there is no such database: a 404 of a proxy is none. */
export function isMissingDatabase(error: unknown): boolean {
  if (!(error instanceof ServerError) || error.status !== 404 || error.word !== 'not_found') return false
  return error.reason === 'Database does not exist.' || error.reason === 'no_db_file'
}

export type DocRev = { readonly id: string; readonly rev: string }

/** The most revisions that are asked for at once. */
const MAX_REVS = 100

/** The bodies of the first of the revisions that are left to ask for. */
export type RevsAnswer = { readonly asked: number; readonly docs: readonly JsonObject[] }

/**
 * The bodies of revisions, in their order, answer by answer: all of them together may be more than fits into memory, for a
 * document may have any number of leaves. What the server no longer has is left out: a later change tells of it.
 */
export async function* readRevs(
  client: CouchClient,
  database: string,
  revs: readonly DocRev[],
  signal: AbortSignal,
): AsyncGenerator<RevsAnswer> {
  for (let start = 0; start < revs.length; start += MAX_REVS) {
    yield* readBodies(client, database, revs.slice(start, start + MAX_REVS), signal)
  }
}

/** In two halves, if they are too large together. */
async function* readBodies(
  client: CouchClient,
  database: string,
  docs: readonly DocRev[],
  signal: AbortSignal,
): AsyncGenerator<RevsAnswer> {
  const path = `${encodeURIComponent(database)}/_bulk_get`
  const isOne = docs.length === 1
  let answer: unknown
  try {
    answer = await client.json({
      path,
      body: { docs },
      ...(isOne ? {} : { maxBytes: MAX_PAGE_BYTES }),
      signal,
    })
  } catch (error) {
    if (!(error instanceof AnswerTooLarge) || isOne) throw error
    const middle = Math.ceil(docs.length / 2)
    yield* readBodies(client, database, docs.slice(0, middle), signal)
    yield* readBodies(client, database, docs.slice(middle), signal)
    return
  }
  yield { asked: docs.length, docs: bulkGetDocs(answer) }
}

function bulkGetDocs(answer: unknown): JsonObject[] {
  const results = isJsonObject(answer) ? memberOf(answer, 'results') : undefined
  if (!Array.isArray(results))
    throw new ServerError('the server answers something else than _bulk_get does', {})
  return results.flatMap(result => {
    const docs = isJsonObject(result) ? memberOf(result, 'docs') : undefined
    if (!Array.isArray(docs)) return []
    return docs.map(found => (isJsonObject(found) ? memberOf(found, 'ok') : undefined)).filter(isJsonObject)
  })
}
