import type { Database, DocsQuery, NameRange, Revision, StoredDoc } from '../../store/store.ts'
import type { RowsAsText, RowTemplate } from '../../store/text-page.ts'
import type { DocReader } from '../content/doc-reader.ts'
import { conflictsMember, docText } from '../content/doc-text.ts'
import { ALL_ATTACHMENTS, docPieces, findBytes } from '../content/inline-attachments.ts'
import { FIRST_DOCS, MAX_PAGE_ROWS, nextPageRows, textPieces } from '../content/text-rows.ts'
import { rowsInPages } from './all-docs-pages.ts'
import type { RowParts } from './all-docs-query.ts'

/** A row as text, or in pieces where attachments come with their bytes. */
export type RowText = string | Iterable<string>

/** Rows as bytes, each with `ROW_SEPARATOR` before it. */
export type ManyRows = { readonly bytes: Uint8Array }

/** Stands where the next page is about to be read, unless the last one has shown that there is hardly any. */
export const NEXT_PAGE = Symbol('the next page')

export const ROW_SEPARATOR = ',\n'

export type NamedRow = { readonly id: string; readonly text: RowText }

/** The rows of a range. A page is read in one moment with all that its rows need: conflicts, and where attachments are. */
export function rangeRows(
  database: Database,
  range: NameRange,
  parts: RowParts,
): Iterable<RowText | ManyRows | typeof NEXT_PAGE> {
  return parts.docs && parts.attachments
    ? textsOf(namedRows(database, range, parts))
    : textRows(database, range, parts)
}

function* textsOf(rows: Iterable<NamedRow>): Generator<RowText> {
  for (const { text } of rows) yield text
}

/** Page by page as text of the engine, and between that the rows it left out. */
function* textRows(
  database: Database,
  range: NameRange,
  parts: RowParts,
): Generator<RowText | ManyRows | typeof NEXT_PAGE> {
  const as = rowsAsText(parts)
  let left = range.limit
  let query: DocsQuery = { ...range, withBodies: parts.docs }
  let rows = parts.docs ? FIRST_DOCS : MAX_PAGE_ROWS
  while (left > 0) {
    const limit = Math.min(left, rows)
    const page = database.docsText({ ...query, limit }, as)
    if (page.last === undefined) return
    for (const piece of textPieces(page)) {
      if (piece instanceof Uint8Array) yield { bytes: piece }
      else yield* oddRow(database, piece.odd, parts)
    }
    left -= page.rows
    if (page.rows === limit && left > 0) yield NEXT_PAGE
    rows = nextPageRows(page)
    // After the last row's id, not at a number of rows: to skip by number would lose one after a deletion.
    query = { ...query, startKey: page.last, inclusiveStart: false, skip: 0 }
  }
}

/** None if it was deleted meanwhile. */
function oddRow(database: Database, id: string, parts: RowParts): Iterable<RowText> {
  const only = { startKey: id, endKey: id, limit: 1 }
  return textsOf(namedRows(database, only, parts))
}

const PLAIN_ROW: RowTemplate = [
  { text: `${ROW_SEPARATOR}{"id":` },
  { value: 'id' },
  { text: ',"key":' },
  { value: 'id' },
  { text: ',"value":{"rev":"' },
  { value: 'rev' },
  { text: '"}' },
]
const ROWS: RowsAsText = { template: [...PLAIN_ROW, { text: '}' }], odd: [] }
const DOC_ROW: RowTemplate = [
  ...PLAIN_ROW,
  { text: ',"doc":{"_id":' },
  { value: 'id' },
  { text: ',"_rev":"' },
  { value: 'rev' },
  { text: '"' },
  { value: 'members' },
  { text: '}' },
]
const ROWS_WITH_DOCS: RowsAsText = { template: DOC_ROW, odd: [] }
const ROWS_WITH_CONFLICTS: RowsAsText = { template: DOC_ROW, odd: ['branched'] }

/** What `rowOf` makes of a row that is not odd. */
function rowsAsText(parts: RowParts): RowsAsText {
  if (!parts.docs) return ROWS
  return parts.conflicts ? ROWS_WITH_CONFLICTS : ROWS_WITH_DOCS
}

/** The same, each with its document's id. */
export function namedRows(database: Database, range: NameRange, parts: RowParts): Generator<NamedRow> {
  return rowsInPages(range, page =>
    database.atOnce(() =>
      database
        .docs({ ...page, withBodies: parts.docs })
        .map(({ id, rev, revision }) => ({ id, text: rowOf(database, { id, rev, revision }, parts) })),
    ),
  )
}

/** The rows of named documents, in that order; deleted and unknown ones have theirs. */
export function* keyRows(
  database: DocReader,
  keys: readonly unknown[],
  range: Pick<NameRange, 'descending' | 'skip' | 'limit'>,
  parts: RowParts,
): Generator<RowText> {
  const ordered = range.descending ? [...keys].reverse() : keys
  const skip = range.skip ?? 0
  for (const key of ordered.slice(skip, skip + range.limit)) {
    yield database.atOnce(() => keyRow(database, key, parts))
  }
}

function keyRow(database: DocReader, key: unknown, parts: RowParts): RowText {
  const doc = typeof key === 'string' ? database.doc(key) : undefined
  if (doc === undefined) return `{"key":${JSON.stringify(key)},"error":"not_found"}`
  const { rev, deleted } = doc.tree.winner
  if (deleted) return deletedRow(database, doc, parts)
  const revision = parts.docs ? database.revision(doc, rev) : undefined
  return rowOf(database, { id: doc.id, rev, revision }, parts)
}

/**
 * CouchDB has `"doc":null` here. RxDB, which asks with `deleted: "ok"`, then takes the document for one that never was and its stale
 * edit brings it back; with the tombstone it sees the conflict.
 */
function deletedRow(database: DocReader, doc: StoredDoc, parts: RowParts): RowText {
  const id = JSON.stringify(doc.id)
  const { rev } = doc.tree.winner
  const revision = parts.docs && parts.deletedBodies ? database.revision(doc, rev) : undefined
  const body = revision === undefined ? 'null' : docText(doc.id, revision)
  return `{"id":${id},"key":${id},"value":{"rev":"${rev}","deleted":true}${parts.docs ? `,"doc":${body}` : ''}}`
}

type Row = { readonly id: string; readonly rev: string; readonly revision: Revision | undefined }

export function rowOf(database: DocReader, { id, rev, revision }: Row, parts: RowParts): RowText {
  const name = JSON.stringify(id)
  const head = `{"id":${name},"key":${name},"value":{"rev":"${rev}"}`
  if (revision === undefined) return `${head}}`
  const members = parts.conflicts ? conflictsMember(database.doc(id)?.tree.leaves() ?? []) : ''
  if (!parts.attachments || revision.attachments === undefined)
    return `${head},"doc":${docText(id, revision, members)}}`
  const found = findBytes(database, [revision])
  return inPieces(head, docPieces(found, id, revision, { members, wanted: ALL_ATTACHMENTS }))
}

function* inPieces(head: string, doc: Iterable<string>): Generator<string> {
  yield `${head},"doc":`
  yield* doc
  yield '}'
}
