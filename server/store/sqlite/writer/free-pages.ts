import type { Connection } from '../connection.ts'

/** Fewer free pages than this (8 MiB), or than this part of the file, are left to the next writes. */
const MIN_FREE_PAGES = 1000
const MIN_FREE_PART = 0.2
/** Pages of one slice: each is moved from the file's end into a gap. */
const SLICE_PAGES = 100

/**
 * Gives some free pages back to the disk, in a transaction of its own; the file gets shorter with the next checkpoint. False: there are
 * not many. Those that stay are not lost: new rows go there first.
 */
export function freeSlice(connection: Connection): boolean {
  const free = pragma(connection, 'freelist_count')
  if (free <= MIN_FREE_PAGES || free <= MIN_FREE_PART * pragma(connection, 'page_count')) return false
  // `exec`, because the statement frees one page with each step.
  connection.exec(`pragma incremental_vacuum(${SLICE_PAGES})`)
  return true
}

function pragma(connection: Connection, name: 'freelist_count' | 'page_count'): number {
  return connection.row<[number]>(`pragma ${name}`)?.[0] ?? 0
}
