import type { IncomingHttpHeaders } from 'node:http'
import { namesJson } from '../../http/accept.ts'
import { callerKey } from '../../http/caller-key.ts'
import { READ_TURNS } from '../../http/read-turns.ts'
import type { Answer, Call, Route } from '../../http/route.ts'
import { TextWriter } from '../../http/text-writer.ts'
import type { Database, NameRange } from '../../store/store.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'
import {
  type AllDocsBody,
  type AllDocsRequest,
  allDocsBody,
  allDocsQuery,
  allDocsRequest,
  queriesBody,
} from './all-docs-query.ts'
import { keyRows, type ManyRows, NEXT_PAGE, ROW_SEPARATOR, type RowText, rangeRows } from './all-docs-rows.ts'

const MAX_BYTES = 32 * 1024 * 1024
/** So many rows are written, or one page of them, before other clients have their turn. */
const ROWS_OF_A_TURN = 100

/** `_all_docs`, and several of them at once in `_all_docs/queries`. */
export function allDocsRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'GET',
      path: '/:db/_all_docs',
      query: allDocsQuery,
      handle: (call, database) =>
        answerAllDocs(call, database, allDocsRequest(call.query, unsaid(call.headers))),
    }),
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_all_docs',
      query: allDocsQuery,
      body: { kind: 'json', schema: allDocsBody, maxBytes: MAX_BYTES },
      handle: (call, database) => answerAllDocs(call, database, allDocsRequest(call.query, call.body)),
    }),
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_all_docs/queries',
      body: { kind: 'json', schema: queriesBody, maxBytes: MAX_BYTES },
      handle: (call, database) =>
        answerQueries(
          call,
          database,
          call.body.queries.map(query => allDocsRequest({}, query)),
        ),
    }),
  ]
}

/**
 * What a `GET` with keys leaves unsaid. RxDB asks so for what beat its edits to the server, and takes a null for a document
 * without an id: an edit that lost to a deletion then counted as stored. It is known by its `Accept`, as in bodiless-errors.ts.
 */
function unsaid(headers: IncomingHttpHeaders): Partial<AllDocsBody> {
  return namesJson(headers) ? {} : { deleted: 'ok' }
}

export type ListingPart = RowText | ManyRows | typeof NEXT_PAGE

type Asking = Pick<Call, 'caller'>

function answerAllDocs(call: Asking, database: Database, request: AllDocsRequest): Answer {
  return answerListing(call, database, request, () => rowsOf(database, request))
}

/** Answers with these rows, whatever of the listing they are. */
export function answerListing(
  call: Asking,
  database: Database,
  request: AllDocsRequest,
  rows: () => Iterable<ListingPart>,
): Answer {
  return {
    async write(out) {
      const writer = new TextWriter(out)
      await writeListing(call, writer, headOf(database, request), rows())
      await writer.add('\n')
      await writer.flush()
    },
  }
}

function answerQueries(call: Asking, database: Database, requests: readonly AllDocsRequest[]): Answer {
  return {
    async write(out) {
      const writer = new TextWriter(out)
      await writer.add('{"results":[')
      for (const [index, request] of requests.entries()) {
        if (index > 0) await writer.add(',\n')
        await turnOf(call)
        await writeListing(call, writer, headOf(database, request), rowsOf(database, request))
      }
      await writer.add(']}\n')
      await writer.flush()
    },
  }
}

async function writeListing(
  call: Asking,
  writer: TextWriter,
  head: string,
  rows: Iterable<ListingPart>,
): Promise<void> {
  await writer.add(head)
  await writer.room()
  let separator = ''
  let sinceTurn = 0
  for (const row of rows) {
    // Before the next row or page, so never behind the last: the end of an answer waits for nothing.
    if (row === NEXT_PAGE || sinceTurn >= ROWS_OF_A_TURN) {
      await turnOf(call)
      sinceTurn = 0
    }
    if (row === NEXT_PAGE) continue
    const isMany = typeof row === 'object' && 'bytes' in row
    const written = isMany
      ? writer.add(row.bytes.subarray(separator === '' ? ROW_SEPARATOR.length : 0))
      : writer.add(typeof row === 'string' ? separator + row : separator)
    if (written !== undefined) await written
    if (typeof row !== 'string' && !isMany) await writer.addAll(row)
    separator = ROW_SEPARATOR
    if (!isMany) sinceTurn++
    const room = writer.room()
    if (room !== undefined) await room
  }
  await writer.add('\n]}')
}

function turnOf({ caller }: Asking): Promise<void> {
  return READ_TURNS.next(callerKey(caller))
}

function headOf(database: Database, { keys, range, isEmpty, updateSeq }: AllDocsRequest): string {
  const facts = database.facts()
  const total = facts.docCount
  const offset = keys !== undefined ? null : isEmpty ? 0 : offsetOf(database, range, total)
  const seq = updateSeq ? `,"update_seq":"${database.sequence(facts.updateSeq)}"` : ''
  return `{"total_rows":${total},"offset":${offset}${seq},"rows":[\n`
}

/** Null where too many stand before the range to be counted, as where keys are asked for. */
function offsetOf(database: Database, range: NameRange, total: number): number | null {
  const before = range.startKey === undefined ? 0 : database.offset(range)
  return before === undefined ? null : Math.min(before + (range.skip ?? 0), total)
}

function rowsOf(database: Database, { keys, range, isEmpty, parts }: AllDocsRequest): Iterable<ListingPart> {
  if (keys !== undefined) return keyRows(database, keys, range, parts)
  return isEmpty ? [] : rangeRows(database, range, parts)
}
