import { parseRev } from '../../rev-tree/rev.ts'
import { StoredTree } from '../../rev-tree/stored-tree.ts'
import type { RevsDiff } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { fromStoredId, toStoredId } from '../stored-id.ts'

type Row = readonly [rev: string, deleted: number, branched: number, id: string]

/** What a peer's revisions are missing here, for the ids that miss any. */
export function readRevsDiff(
  connection: Connection,
  db: number,
  revs: ReadonlyMap<string, readonly string[]>,
): Map<string, RevsDiff> {
  const winners = readWinners(connection, db, [...revs.keys()])
  const diffs = new Map<string, RevsDiff>()
  for (const [id, asked] of revs) {
    const winner = winners.get(id)
    const diff = winner === undefined ? allMissing(asked) : diffOf(connection, db, winner, asked)
    if (diff.missing.length > 0) diffs.set(id, diff)
  }
  return diffs
}

/** `cross join` fixes the order: by id, never through the whole database. */
function readWinners(connection: Connection, db: number, ids: readonly string[]): Map<string, Row> {
  const rows = connection.rows<Row>(
    `select d.rev, d.deleted, d.branched, d.id from json_each(?) asked cross join docs d
     where d.db = ? and d.id = asked.value`,
    JSON.stringify(ids.map(toStoredId)),
    db,
  )
  return new Map(rows.map(row => [fromStoredId(row[3]), row]))
}

const NONE: readonly string[] = []

function allMissing(asked: readonly string[]): RevsDiff {
  return { missing: onceEach(asked), possibleAncestors: NONE }
}

function onceEach(revs: readonly string[]): readonly string[] {
  return revs.length === 1 ? revs : [...new Set(revs)]
}

function diffOf(connection: Connection, db: number, winner: Row, asked: readonly string[]): RevsDiff {
  const [rev, deleted, branched, id] = winner
  const unsure = asked.filter(one => one !== rev)
  if (unsure.length === 0) return { missing: NONE, possibleAncestors: NONE }
  // The winner of a history with one leaf is its newest revision: whatever is above it is missing.
  const top = posOf(rev)
  const isAbove = branched === 0 && unsure.every(one => posOf(one) > top)
  if (isAbove) return { missing: onceEach(unsure), possibleAncestors: [rev] }
  const tree = readTree(connection, db, id, { rev, deleted: deleted === 1 })
  const missing = onceEach(unsure).filter(one => !tree.has(one))
  const newest = missing.reduce((pos, one) => Math.max(pos, posOf(one)), 0)
  const older = tree.leaves().filter(leaf => posOf(leaf.rev) < newest)
  return { missing, possibleAncestors: older.map(leaf => leaf.rev) }
}

function readTree(
  connection: Connection,
  db: number,
  id: string,
  winner: { readonly rev: string; readonly deleted: boolean },
): StoredTree {
  const row = connection.row<[string]>('select tree from docs where db = ? and id = ?', db, id)
  return new StoredTree(row?.[0] ?? '', winner)
}

function posOf(rev: string): number {
  return parseRev(rev)?.pos ?? 0
}
