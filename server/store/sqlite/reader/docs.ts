import { StoredTree } from '../../rev-tree/stored-tree.ts'
import type { DocRow, DocsQuery, Revision, StoredDoc } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { fromStoredId, toStoredId } from '../stored-id.ts'
import { inOrder, inRange } from './id-range.ts'
import { takePage } from './page-bytes.ts'
import { type RevisionRow, revisionOf } from './revision-row.ts'

/** A document's place and history. */
export function readDoc(connection: Connection, db: number, id: string): StoredDoc | undefined {
  const row = connection.row<[number, string, number, number, number, string]>(
    'select seq, rev, deleted, time, body, tree from docs where db = ? and id = ?',
    db,
    toStoredId(id),
  )
  if (row === undefined) return undefined
  const [seq, rev, deleted, time, body, tree] = row
  return { id, seq, time, tree: new StoredTree(tree, { rev, deleted: deleted === 1 }, body) }
}

type WholeRow = readonly [
  seq: number,
  rev: string,
  deleted: number,
  time: number,
  body: number,
  tree: string,
  attachments: string | null,
  text: string,
]

/** The winner's rev stands in both tables; each column costs as much as to find the row's page. */
const WHOLE = 'd.seq, d.rev, d.deleted, d.time, d.body, d.tree, w.attachments, w.body as w_body'
const JOINED = 'join bodies w on w.key = (d.db << 32 | d.body)'

/** The same with its winner: the usual read of a document is one statement. */
export function readDocWithWinner(connection: Connection, db: number, id: string): StoredDoc | undefined {
  const row = connection.row<WholeRow>(
    `select ${WHOLE} from docs d ${JOINED} where d.db = ? and d.id = ?`,
    db,
    toStoredId(id),
  )
  return row && wholeDocOf(id, row)
}

/** So many are read by one statement, all at once: that takes three quarters of one after the other. */
const NAMED_AT_ONCE = 100
/** Longer ones, and those with attachments, are read by themselves: a hundred at once would fill memory. */
const IS_SHORT = 'd.bytes <= 8192 and w.attachments is null'

/** `left join` keeps the order of the ids, and a row for each of them. */
export function readDocsNamed(
  connection: Connection,
  db: number,
  ids: readonly string[],
): (StoredDoc | undefined)[] {
  const some = ids.slice(0, NAMED_AT_ONCE)
  const rows = connection.rows<WholeRow | HalfRow>(
    `select ${WHOLE} from json_each(?) asked left join docs d on d.db = ? and d.id = asked.value
     left ${JOINED} and ${IS_SHORT}`,
    JSON.stringify(some.map(toStoredId)),
    db,
  )
  let at = 0
  return takePage(rows, row => {
    const id = some[at++] ?? ''
    if (row[0] === null) return { result: undefined, size: 0 }
    const doc = isWhole(row) ? wholeDocOf(id, row) : readDocWithWinner(connection, db, id)
    return { result: doc, size: row[5].length + (doc?.winner?.body.length ?? 0) }
  })
}

/** Of a document that is to be read by itself, or of none. */
type HalfRow =
  | readonly [number, string, number, number, number, tree: string, null, null]
  | readonly [null, null, null, null, null, null, null, null]

function isWhole(row: WholeRow | HalfRow): row is WholeRow {
  return row[7] !== null
}

function wholeDocOf(id: string, row: WholeRow): StoredDoc {
  const [seq, rev, deleted, time, body, tree, attachments, text] = row
  return {
    id,
    seq,
    time,
    tree: new StoredTree(tree, { rev, deleted: deleted === 1 }, body),
    winner: revisionOf([rev, deleted, attachments, text]),
  }
}

/** The revision stored under a sequence number. */
export function readRevision(connection: Connection, db: number, seq: number): Revision | undefined {
  const row = connection.row<RevisionRow>(
    'select rev, deleted, attachments, body from bodies where key = (? << 32 | ?)',
    db,
    seq,
  )
  return row && revisionOf(row)
}

type Row = readonly [id: string, rev: string, seq: number, ...(RevisionRow | readonly [])]

/** One page of the live documents of a range. */
export function readDocs(connection: Connection, db: number, query: DocsQuery): DocRow[] {
  if (query.limit <= 0) return []
  return query.withBodies && query.skip
    ? connection.atOnce(() => readSkipping(connection, db, query))
    : readPage(connection, db, query)
}

/** The bodies of rows that are skipped would be read, too: the place where the page begins is found without them. */
function readSkipping(connection: Connection, db: number, query: DocsQuery): DocRow[] {
  const [first] = readPage(connection, db, { ...query, withBodies: false, limit: 1 })
  if (first === undefined) return []
  return readPage(connection, db, { ...query, startKey: first.id, inclusiveStart: true, skip: 0 })
}

function readPage(connection: Connection, db: number, query: DocsQuery): DocRow[] {
  const range = inRange('d.id', query)
  const order = inOrder('d.id', query)
  const bodies = query.withBodies
    ? [', w.rev as w_rev, w.deleted, w.attachments, w.body', 'join bodies w on w.key = (d.db << 32 | d.body)']
    : ['', '']
  const sql = `select d.id, d.rev, d.seq ${bodies[0]} from docs d ${bodies[1]}
    where d.db = ? and d.deleted = 0${range.sql}${order.sql}`
  const params = [db, ...range.params, ...order.params]
  if (!query.withBodies) return connection.rows<Row>(sql, ...params).map(docRowOf)
  return takePage(connection.each<Row>(sql, ...params), row => ({
    result: docRowOf(row),
    size: (row[5]?.length ?? 0) + (row[6]?.length ?? 0),
  }))
}

function docRowOf([id, rev, seq, ...revision]: Row): DocRow {
  return {
    id: fromStoredId(id),
    rev,
    seq,
    revision: revision.length === 4 ? revisionOf(revision) : undefined,
  }
}

/** A page from the middle of a large database would else cost what stands before it: 40 ms for half a million documents. */
const MAX_COUNTED = 10_000

/** How many live documents stand before a range; undefined where they are more than it takes a moment to count. */
export function countBefore(
  connection: Connection,
  db: number,
  { startKey, descending }: Pick<DocsQuery, 'startKey' | 'descending'>,
): number | undefined {
  if (startKey === undefined) return 0
  // Read the other way, what stands before a key is what comes behind it.
  const before = { startKey, inclusiveStart: false, descending: descending !== true }
  return countFew(connection, db, [before])
}

/** How many live documents there are in some ranges together, unless they are many. */
export function countFew(
  connection: Connection,
  db: number,
  ranges: readonly Parameters<typeof inRange>[1][],
): number | undefined {
  let count = 0
  for (const range of ranges) {
    const { sql, params } = inRange('id', range)
    const few = `select 1 from docs where db = ? and deleted = 0${sql} limit ${MAX_COUNTED + 1}`
    count += connection.row<[number]>(`select count(*) from (${few})`, db, ...params)?.[0] ?? 0
  }
  return count > MAX_COUNTED ? undefined : count
}
