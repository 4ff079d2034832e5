import type { ChangesQuery } from '../../store.ts'
import type { Connection, SqlValue } from '../connection.ts'
import { fromStoredId, toStoredId } from '../stored-id.ts'
import { readFacts } from './counts.ts'
import { sqlLimit } from './id-range.ts'
import { isOfType, ofType, type TypeIds } from './type-ids.ts'

/** Which documents of a page's stretch count. */
type Named = {
  readonly ids: ReadonlySet<string>
  /** Only those of a type, if it is given. */
  readonly typeIds: TypeIds | undefined
}

/**
 * The numbers of one page of a type. The index that feeds go by has the ids, too, and nothing but it is read here: with any other
 * column in the statement each row that is passed over would be looked up in the table, which takes a hundred times as long.
 */
export function seqsOfType(
  connection: Connection,
  db: number,
  query: ChangesQuery,
  typeIds: TypeIds,
): readonly number[] {
  const { sql, params } = along(db, query, typeIds)
  return connection
    .rows<[number]>(`select seq ${sql} limit ?`, ...params, sqlLimit(query.limit))
    .map(([seq]) => seq)
}

/**
 * The numbers of the named documents' last changes, those of one page. By their ids, unless the stretch of the feed that is left is
 * shorter: a feed of ten documents does not walk through a hundred thousand, and one of ten thousand does not look for each of them at
 * every change.
 */
export function seqsOfIds(
  connection: Connection,
  db: number,
  query: ChangesQuery,
  named: Named,
): readonly number[] {
  const { updateSeq } = readFacts(connection, db)
  const isShort = lengthOf(query, updateSeq) < named.ids.size
  return isShort ? seqsAlong(connection, db, query, named) : seqsById(connection, db, query, named)
}

/** The ids stay where they are: to hand two hundred thousand of them to SQLite at every change kept the thread busy for seconds. */
function seqsAlong(connection: Connection, db: number, query: ChangesQuery, { ids, typeIds }: Named) {
  const { sql, params } = along(db, query, typeIds)
  const limit = sqlLimit(query.limit)
  const seqs: number[] = []
  for (const [seq, id] of connection.each<[number, string]>(`select seq, id ${sql}`, ...params)) {
    if (ids.has(fromStoredId(id)) && seqs.push(seq) >= limit) break
  }
  return seqs
}

function seqsById(connection: Connection, db: number, query: ChangesQuery, { ids, typeIds }: Named) {
  const { descending, limit } = query
  const wanted = typeIds === undefined ? [...ids] : [...ids].filter(id => isOfType(typeIds, id))
  return connection
    .rows<[number]>(
      `select d.seq from json_each(?1) asked cross join docs d on d.id = asked.value
       where d.db = ?2 and +${beyond(descending)} and +${upTo(descending)}
       order by +d.seq ${descending ? 'desc' : ''} limit ?5`,
      JSON.stringify(wanted.map(toStoredId)),
      db,
      ...stretchOf(query),
      sqlLimit(limit),
    )
    .map(([seq]) => seq)
}

type Along = { readonly sql: string; readonly params: readonly SqlValue[] }

/** A page's stretch in the index that feeds go by, or what it has of one type. */
function along(db: number, query: ChangesQuery, typeIds: TypeIds | undefined): Along {
  const { descending } = query
  const [after, end] = stretchOf(query)
  const condition = typeIds === undefined ? { sql: '', params: [] } : ofType(typeIds)
  return {
    sql: `from docs indexed by docs_by_seq
      where db = ? and seq ${descending ? '<' : '>'} ? and seq ${descending ? '>=' : '<='} ?${condition.sql}
      order by seq ${descending ? 'desc' : ''}`,
    params: [db, after, end, ...condition.params],
  }
}

/** How many numbers a page may have to look at. */
function lengthOf(query: ChangesQuery, updateSeq: number): number {
  const [after, end] = stretchOf(query)
  if (query.descending) return Math.min(after, updateSeq + 1) - Math.max(end, 1)
  return Math.min(end, updateSeq) - after
}

/** From where to where a page looks, as SQL has it: `?3` and `?4`. */
export function stretchOf({ after, upTo, descending }: ChangesQuery): readonly [after: number, upTo: number] {
  const end = upTo ?? (descending ? 0 : Number.MAX_SAFE_INTEGER)
  return [Math.min(after, Number.MAX_SAFE_INTEGER), Math.min(end, Number.MAX_SAFE_INTEGER)]
}

export function beyond(descending: boolean | undefined): string {
  return descending ? 'd.seq < ?3' : 'd.seq > ?3'
}

export function upTo(descending: boolean | undefined): string {
  return descending ? 'd.seq >= ?4' : 'd.seq <= ?4'
}
