import { existsSync } from 'node:fs'
import { Connection } from '../sqlite/connection.ts'
import type { OpenDatabase } from '../sqlite/driver.ts'
import { checkedFormat } from '../sqlite/prepare-file.ts'
import { realFile } from '../sqlite/real-file.ts'
import { refuseUnfinishedRestore } from '../sqlite/restore-mark.ts'
import { resultCode, SQLITE_READONLY } from '../sqlite/result-code.ts'
import { readShardMark, refuseOtherMark, type ShardMark } from '../sqlite/shard-mark.ts'
import { newUuid } from '../sqlite/store-uuid.ts'
import { StoreError } from '../store-error.ts'
import { filesThere } from './files-of.ts'

/** What a file has to say: it is not there yet, it is a store of its own, or a part of one. */
type Found = 'nothing' | 'one file' | ShardMark

/**
 * The mark that each of these files has, or is to be made with. Refuses what is not one whole store of so many files, before any of them is
 * touched. All of them are made together, the first one first, which says until the last one is there that they are being made: so a start that was
 * killed goes on, and one file that is lost is never taken for one that was not made yet.
 */
export function checkedMarks(open: OpenDatabase, files: readonly string[]): readonly ShardMark[] {
  for (const file of files) if (existsSync(file)) refuseUnfinishedRestore(realFile(file))
  const found = files.map(file => findMark(open, file))
  const first = firstMark(files, found)
  return files.map((file, at) => {
    const mark = { ...first, number: at + 1, isBegun: first.isBegun && at === 0 }
    const there = found[at]
    if (there === 'nothing') {
      if (!first.isBegun) throw missing(file, at, files.length)
    } else refuseOtherMark(file, there === 'one file' ? undefined : there, mark)
    return mark
  })
}

function firstMark(files: readonly string[], [found, ...others]: readonly (Found | undefined)[]): ShardMark {
  const fresh = { set: newUuid(), number: 1, count: files.length, isBegun: true }
  if (found === 'nothing' && others.some(other => other !== 'nothing'))
    throw missing(files[0] ?? '', 0, files.length)
  if (found === undefined || found === 'nothing' || found === 'one file') return fresh
  return { ...found, count: files.length }
}

function missing(file: string, at: number, count: number): StoreError {
  return new StoreError(
    `${file}, file ${at + 1} of the ${count} of this store, is missing: bring it back, or restore a backup`,
  )
}

/** What a file says of itself. Nothing is written to it, but for what a killed process left to be undone. */
export function findMark(open: OpenDatabase, file: string): Found {
  if (!existsSync(file)) return 'nothing'
  try {
    return readOnlyOrUndone(readOnly => {
      const connection = new Connection(open, file, { readOnly })
      try {
        return readMark(connection, file)
      } finally {
        connection.close()
      }
    })
  } catch (cause) {
    if (cause instanceof StoreError || !(cause instanceof Error)) throw cause
    throw new StoreError(`${file} cannot be opened: ${cause.message}`, { cause })
  }
}

/** A journal that is to be rolled back first needs one who may write. */
function readOnlyOrUndone<Result>(read: (readOnly: boolean) => Result): Result {
  try {
    return read(true)
  } catch (cause) {
    if (resultCode(cause) !== SQLITE_READONLY) throw cause
    return read(false)
  }
}

function readMark(connection: Connection, file: string): Found {
  connection.exec('pragma busy_timeout = 5000')
  // Of a process that was killed while it made the file.
  if (connection.row('select 1 from sqlite_schema') === undefined) return 'nothing'
  checkedFormat(connection, file)
  return readShardMark(connection) ?? 'one file'
}

/** What is no store at all is refused where it is read. */
export function markIfAny(open: OpenDatabase, file: string): ShardMark | undefined {
  try {
    const found = findMark(open, file)
    return typeof found === 'object' ? found : undefined
  } catch {
    return undefined
  }
}

/** Refuses to make a store of one file where the others of several lie, and their first is lost. */
export function refuseLostFirst(open: OpenDatabase, first: string): void {
  const others = filesThere(first).filter(file => file !== first)
  if (others.length === 0 || findMark(open, first) !== 'nothing') return
  const mark = others.map(file => markIfAny(open, file)).find(found => found !== undefined)
  if (mark !== undefined) throw missing(first, 0, mark.count)
}

/** Over how many files a store is divided, by its first one. One also where there is none. */
export function shardsOf(open: OpenDatabase, first: string): number {
  const found = findMark(open, first)
  return typeof found === 'object' ? found.count : 1
}
