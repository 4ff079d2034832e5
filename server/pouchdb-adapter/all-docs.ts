import { setImmediate } from 'node:timers/promises'
import type { Database, DocRow, DocsQuery, Leaf, Revision } from '../store/store.ts'
import { fillAttachments, findBytes } from './attachments.ts'
import { conflictsOf, type DocObject, docObject } from './doc-object.ts'

/** What PouchDB's core passes on of `allDocs`. */
export type AllDocsOptions = {
  readonly startkey?: unknown
  readonly endkey?: unknown
  readonly key?: unknown
  readonly keys?: readonly unknown[] | undefined
  readonly inclusive_end?: boolean | undefined
  readonly descending?: boolean | undefined
  readonly skip?: number | undefined
  readonly limit?: number | null | undefined
  readonly include_docs?: boolean | undefined
  readonly conflicts?: boolean | undefined
  readonly attachments?: boolean | undefined
  readonly binary?: boolean | undefined
  readonly update_seq?: boolean | undefined
}

export type AllDocs = {
  total_rows: number
  offset: number
  rows: AllDocsRow[]
  update_seq?: string
}

type AllDocsRow = FoundRow | { key: unknown; error: 'not_found' }
type FoundRow = {
  id: string
  key: string
  value: { rev: string; deleted?: true }
  doc?: DocObject | null
}

const PAGE_ROWS = 500

/** Documents by id: those of a range, or a row for each of `keys`. */
export async function allDocs(database: Database, options: AllDocsOptions): Promise<AllDocs> {
  const { docCount, updateSeq } = database.facts()
  const listed: AllDocs = { total_rows: docCount, offset: options.skip ?? 0, rows: [] }
  if (options.update_seq === true) listed.update_seq = database.sequence(updateSeq)
  const range = rangeOf(options)
  if (options.keys !== undefined) listed.rows = options.keys.map(key => keyRow(database, key, options))
  else if (range !== undefined) listed.rows = await rangeRows(database, range, options)
  return listed
}

type Range = { readonly startKey?: string | undefined; readonly endKey?: string | undefined }

/** The bounds of a range, as far as they lie among ids; undefined if no id can be in it. */
function rangeOf({ startkey, endkey, key, descending }: AllDocsOptions): Range | undefined {
  if (key !== undefined && key !== null)
    return typeof key === 'string' ? { startKey: key, endKey: key } : undefined
  const [start, end] = [boundOf(startkey), boundOf(endkey)]
  const [beforeAll, behindAll] = descending === true ? ['behind', 'before'] : ['before', 'behind']
  if (start.at === behindAll || end.at === beforeAll) return undefined
  return { startKey: start.key, endKey: end.key }
}

type Bound = { readonly at?: string; readonly key?: string }

/** Where a key of any type stands to ids, in CouchDB's order: numbers before texts, arrays and objects behind. */
function boundOf(key: unknown): Bound {
  if (key === undefined || key === null || key === '' || key === false) return {}
  if (typeof key === 'string') return { key }
  return { at: typeof key === 'object' ? 'behind' : 'before' }
}

async function rangeRows(database: Database, range: Range, options: AllDocsOptions): Promise<AllDocsRow[]> {
  const rows: AllDocsRow[] = []
  const limit = options.limit ?? Number.POSITIVE_INFINITY
  let { startKey } = range
  let skip = options.skip ?? 0
  let inclusiveStart = true
  while (rows.length < limit) {
    const page = readPage(database, options, {
      startKey,
      inclusiveStart,
      endKey: range.endKey,
      inclusiveEnd: options.inclusive_end !== false,
      descending: options.descending === true,
      skip,
      limit: Math.min(limit - rows.length, PAGE_ROWS),
      withBodies: options.include_docs === true,
    })
    const last = page.at(-1)
    if (last === undefined) break
    rows.push(...page)
    startKey = last.id
    skip = 0
    inclusiveStart = false
    await setImmediate()
  }
  return rows
}

/** A page is read in one moment with all that its rows need: conflicts, and where attachments are. Their bytes may come later. */
function readPage(database: Database, options: AllDocsOptions, query: DocsQuery): FoundRow[] {
  const { rows, found } = database.atOnce(() => {
    const rows = database.docs(query).map(row => liveRow(database, row, options))
    return { rows, found: findBytes(database, options.attachments === true ? docsOf(rows) : []) }
  })
  if (options.attachments === true) for (const doc of docsOf(rows)) fillAttachments(found, doc, options)
  return rows
}

function docsOf(rows: readonly FoundRow[]): DocObject[] {
  return rows.flatMap(({ doc }) => doc ?? [])
}

function liveRow(database: Database, { id, rev, revision }: DocRow, options: AllDocsOptions): FoundRow {
  const row: FoundRow = { id, key: id, value: { rev } }
  if (revision === undefined) return row
  const leaves = options.conflicts === true ? (database.doc(id)?.tree.leaves() ?? []) : []
  return { ...row, doc: docOf({ id, revision, leaves }, options) }
}

function keyRow(database: Database, key: unknown, options: AllDocsOptions): AllDocsRow {
  return database.atOnce(() => {
    const stored = typeof key === 'string' ? database.doc(key) : undefined
    if (stored === undefined) return { key, error: 'not_found' }
    const { id, tree } = stored
    const { rev, deleted } = tree.winner
    if (deleted) return { id, key: id, value: { rev, deleted: true }, doc: null }
    const row: AllDocsRow = { id, key: id, value: { rev } }
    const revision = options.include_docs === true ? database.revision(stored, rev) : undefined
    if (revision === undefined) return row
    const doc = docOf({ id, revision, leaves: tree.leaves() }, options)
    if (options.attachments === true) fillAttachments(findBytes(database, [doc]), doc, options)
    return { ...row, doc }
  })
}

type Listed = { readonly id: string; readonly revision: Revision; readonly leaves: readonly Leaf[] }

function docOf({ id, revision, leaves }: Listed, options: AllDocsOptions): DocObject {
  const doc = docObject(id, revision)
  const conflicts = options.conflicts === true ? conflictsOf(leaves) : []
  if (conflicts.length > 0) doc._conflicts = conflicts
  return doc
}
