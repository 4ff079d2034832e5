import type { Route } from '../../http/route.ts'
import type { Database, NameRange } from '../../store/store.ts'
import { overlayOf, withOverlay } from '../content/design-overlay.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'
import { answerListing } from './all-docs.ts'
import { type AllDocsRequest, allDocsQuery, allDocsRequest, type RowParts } from './all-docs-query.ts'
import { keyRows, type NamedRow, namedRows, type RowText, rowOf } from './all-docs-rows.ts'

const [FIRST, LAST] = ['_design/', '_design0']

/** `GET /db/_design_docs`: the design documents as `_all_docs` lists all, and in users' databases ours among them. No count has ours. */
export function designDocsRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'GET',
      path: '/:db/_design_docs',
      query: allDocsQuery,
      handle(call, database) {
        const request = narrowed(allDocsRequest(call.query))
        return answerListing(call, database, request, () => rowsOf(database, request))
      },
    }),
  ]
}

function narrowed(request: AllDocsRequest): AllDocsRequest {
  const { range } = request
  const within = (key: string | undefined, otherwise: string) =>
    key === undefined || key < FIRST || key > LAST ? otherwise : key
  return {
    ...request,
    range: {
      ...range,
      startKey: within(range.startKey, range.descending ? LAST : FIRST),
      endKey: within(range.endKey, range.descending ? FIRST : LAST),
    },
  }
}

function rowsOf(database: Database, { keys, range, isEmpty, parts }: AllDocsRequest): Iterable<RowText> {
  if (keys !== undefined) return keyRows(withOverlay(database), keys, range, parts)
  return isEmpty ? [] : rangeWithOurs(database, range, parts)
}

/** Rows are skipped and counted one by one, for ours are among them: design documents are few. */
function* rangeWithOurs(database: Database, range: NameRange, parts: RowParts): Generator<RowText> {
  const whole = { ...range, skip: 0, limit: Number.POSITIVE_INFINITY }
  const ours = overlayRows(database, range, parts)
  const end = (range.skip ?? 0) + range.limit
  let at = 0
  for (const { text } of merged(namedRows(database, whole, parts), ours, range)) {
    if (at >= end) return
    if (at++ >= (range.skip ?? 0)) yield text
  }
}

function overlayRows(database: Database, range: NameRange, parts: RowParts): NamedRow[] {
  const rows = overlayOf(database)
    .filter(({ doc }) => isWithin(doc.id, range))
    .map(({ doc: { id }, revision }) => ({
      id,
      text: rowOf(
        withOverlay(database),
        { id, rev: revision.rev, revision: parts.docs ? revision : undefined },
        parts,
      ),
    }))
  return rows.sort((a, b) => (isBefore(a.id, b.id, range) ? -1 : 1))
}

function isWithin(id: string, range: NameRange): boolean {
  const { startKey = id, endKey = id, inclusiveEnd = true } = range
  if (isBefore(id, startKey, range) || isBefore(endKey, id, range)) return false
  return inclusiveEnd || id !== endKey
}

function* merged(
  stored: Iterable<NamedRow>,
  ours: readonly NamedRow[],
  range: NameRange,
): Generator<NamedRow> {
  let next = 0
  for (const row of stored) {
    for (let our = ours[next]; our !== undefined && isBefore(our.id, row.id, range); our = ours[next]) {
      yield our
      next++
    }
    yield row
  }
  yield* ours.slice(next)
}

/** In the order of the listing: ids are compared as UTF-8. */
function isBefore(a: string, b: string, { descending }: NameRange): boolean {
  const order = Buffer.compare(Buffer.from(a), Buffer.from(b))
  return descending ? order > 0 : order < 0
}
