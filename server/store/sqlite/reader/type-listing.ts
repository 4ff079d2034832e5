import type { DatabaseFacts, DocsQuery } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { readChanges } from './changes.ts'
import { readChangesText } from './changes-text.ts'
import { readFacts } from './counts.ts'
import { countFew, readDocs } from './docs.ts'
import { readDocsText } from './docs-text.ts'
import { inRange } from './id-range.ts'
import type { Listing } from './listing.ts'
import { idsOfType, ofType, rangesOfType, type TypeIds } from './type-ids.ts'

/** One type of the database. Counts are made when they are asked for, because the counters know only the whole. */
export function typeListing(type: string): Listing {
  const typeIds = idsOfType(type)
  return {
    facts: (connection, db) => factsOfType(connection, db, typeIds),
    docs: (connection, db, query) =>
      readPageOfType(
        connection,
        db,
        { query, typeIds },
        {
          read: part => readDocs(connection, db, part),
          isEmpty: rows => rows.length === 0,
        },
      ),
    docsText: (connection, db, query, as) =>
      readPageOfType(
        connection,
        db,
        { query, typeIds },
        {
          read: part => readDocsText(connection, db, part, as),
          isEmpty: ({ rows }) => rows === 0,
        },
      ),
    offset: (connection, db, query) => countBeforeOfType(connection, db, query, typeIds),
    pending: (connection, db, { n, descending }) =>
      connection.atOnce(() => countPendingOfType(connection, db, { n, descending, typeIds })),
    changes: (connection, db, query) => readChanges(connection, db, query, typeIds),
    changesText: (connection, db, asked) => readChangesText(connection, db, asked, typeIds),
  }
}

/** Most who ask for facts do so for the last number alone: they pay nothing for the counts. */
function factsOfType(connection: Connection, db: number, typeIds: TypeIds): DatabaseFacts {
  let counted: Counts | undefined
  const counts = () => {
    counted ??= countDocs(connection, db, typeIds)
    return counted
  }
  return {
    ...readFacts(connection, db),
    get docCount() {
      return counts().live
    },
    get docDelCount() {
      return counts().deleted
    },
  }
}

type Counts = { readonly live: number; readonly deleted: number }

function countDocs(connection: Connection, db: number, typeIds: TypeIds): Counts {
  const sums = rangesOfType(typeIds, { limit: 0 }).map(range => {
    const { sql, params } = inRange('id', range)
    const statement = `select count(*), sum(deleted) from docs where db = ?${sql}`
    return connection.row<[number, number | null]>(statement, db, ...params) ?? [0, 0]
  })
  const all = sums.reduce((sum, [count]) => sum + count, 0)
  const deleted = sums.reduce((sum, [, count]) => sum + (count ?? 0), 0)
  return { live: all - deleted, deleted }
}

/** A page is of one range, the first that has any: what a full page left of it would else be passed over. */
function readPageOfType<Page>(
  connection: Connection,
  db: number,
  { query, typeIds }: { readonly query: DocsQuery; readonly typeIds: TypeIds },
  { read, isEmpty }: { read(part: DocsQuery): Page; isEmpty(page: Page): boolean },
): Page {
  return connection.atOnce(() => {
    const [first, second] = rangesOfType(typeIds, query)
    const page = read({ ...query, ...first })
    if (!isEmpty(page)) return page
    const skipped = query.skip ? countLive(connection, db, first) : 0
    return read({ ...query, ...second, skip: Math.max((query.skip ?? 0) - skipped, 0) })
  })
}

function countBeforeOfType(
  connection: Connection,
  db: number,
  { startKey, descending }: Pick<DocsQuery, 'startKey' | 'descending'>,
  typeIds: TypeIds,
): number | undefined {
  if (startKey === undefined) return 0
  // Read the other way, what stands before a key is what comes behind it.
  const before = { startKey, inclusiveStart: false, descending: descending !== true, limit: 0 }
  return countFew(connection, db, rangesOfType(typeIds, before))
}

function countLive(connection: Connection, db: number, range: Parameters<typeof inRange>[1]): number {
  const { sql, params } = inRange('id', range)
  const statement = `select count(*) from docs where db = ? and deleted = 0${sql}`
  return connection.row<[number]>(statement, db, ...params)?.[0] ?? 0
}

/** So few changes are counted one by one, before anything is known of the type. */
const FEW_CHANGES = 1000
/** A type with more than this part of the rest is not worth having been counted in vain. */
const RARE = 1 / 8

type Rest = { readonly n: number; readonly descending: boolean; readonly typeIds: TypeIds }

/**
 * By the type's documents if these are few beside the rest of the feed, else by that. A type of ten documents does not count its way through a
 * million changes of others, and a feed that is nearly at its end not through all its documents.
 */
function countPendingOfType(connection: Connection, db: number, rest: Rest): number {
  const { n, descending } = rest
  const { updateSeq } = readFacts(connection, db)
  const changes = descending ? Math.min(n, updateSeq) : Math.max(updateSeq - n, 0)
  const counted =
    changes > FEW_CHANGES ? countByIds(connection, db, rest, Math.ceil(changes * RARE)) : undefined
  if (counted !== undefined) return counted
  const { sql, params } = ofType(rest.typeIds)
  const statement = `select count(*) from docs indexed by docs_by_seq where db = ? and ${beyond(descending)}${sql}`
  return connection.row<[number]>(statement, db, n, ...params)?.[0] ?? 0
}

/** Undefined if the type has more documents than that. */
function countByIds(
  connection: Connection,
  db: number,
  { n, descending, typeIds }: Rest,
  max: number,
): number | undefined {
  let pending = 0
  for (const range of rangesOfType(typeIds, { limit: 0 })) {
    const { sql, params } = inRange('id', range)
    const [count, found] = connection.row<[number, number | null]>(
      `select count(*), sum(${beyond(descending)}) from (select seq from docs where db = ?${sql} limit ?)`,
      n,
      db,
      ...params,
      max,
    ) ?? [0, 0]
    if (count >= max) return undefined
    pending += found ?? 0
  }
  return pending
}

function beyond(descending: boolean): string {
  return descending ? 'seq < ?' : 'seq > ?'
}
