import { StoreError } from '../store-error.ts'
import type { Connection } from './connection.ts'

/**
 * What a file says of itself where a store is divided over several: which of how many it is, and of which store. Without it files of two
 * stores, or of two times, could be taken for one, and a user's database would seem to be gone.
 */
export type ShardMark = {
  /** One word for all files of a store. A restore and a new division give another, so that no file of before fits any more. */
  readonly set: string
  /** From 1. */
  readonly number: number
  readonly count: number
  /** Only in the first file: some of the others may not have been made yet. */
  readonly isBegun: boolean
}

const MARK = /^(\d+)\/(\d+) ([0-9a-f]{32})( begun)?$/

/** Undefined: the file is a store of its own. */
export function readShardMark(connection: Connection): ShardMark | undefined {
  const row = connection.row<[string]>("select value from store where key = 'shard'")
  if (row === undefined) return undefined
  const [, number, count, set, begun] = MARK.exec(row[0]) ?? []
  if (set === undefined) throw new StoreError('the store has lost its mark: restore it from a backup')
  return { set, number: Number(number), count: Number(count), isBegun: begun !== undefined }
}

/** Undefined makes the file a store of its own. */
export function writeShardMark(connection: Connection, mark: ShardMark | undefined): void {
  if (mark === undefined) {
    connection.run("delete from store where key = 'shard'")
    return
  }
  const { set, number, count, isBegun } = mark
  const text = `${number}/${count} ${set}${isBegun ? ' begun' : ''}`
  connection.run("insert or replace into store values ('shard', ?)", text)
}

/** Refuses a file that is not the one that is expected in its place, with what to do. */
export function refuseOtherMark(
  file: string,
  found: ShardMark | undefined,
  expected: ShardMark | undefined,
): void {
  const reason = mismatch(found, expected)
  if (reason !== undefined) throw new StoreError(`${file} ${reason}`)
}

function mismatch(found: ShardMark | undefined, expected: ShardMark | undefined): string | undefined {
  if (found === undefined) {
    if (expected === undefined) return undefined
    return 'is a store of one file: set DIVAN_SHARDS=1, or divide it with "divan reshard"'
  }
  const { number, count } = found
  if (expected?.count !== count)
    return `is file ${number} of a store of ${count} files: set DIVAN_SHARDS=${count}, or divide it anew with "divan reshard"`
  if (expected.set !== found.set)
    return 'belongs to another store, or to this one before it was restored or divided: bring back the file that belongs to the others, or restore a backup'
  if (expected.number !== number)
    return `is file ${number} of its store and stands in the place of file ${expected.number}: give the files their own names again`
  return undefined
}
