import { existsSync, linkSync, rmSync } from 'node:fs'
import { StoreError } from '../store-error.ts'
import { Connection } from './connection.ts'
import type { OpenDatabase } from './driver.ts'
import { setRestoreMark } from './restore-mark.ts'
import { resultCode, SQLITE_BUSY, SQLITE_CORRUPT, SQLITE_NOTADB } from './result-code.ts'
import { syncFolderOf } from './sync-to-disk.ts'

/** Logs of SQLite's beside a file. Beside another file they would be replayed into it. */
const LOGS = ['-wal', '-journal'] as const

/**
 * Gives the store a second name, so that another file may take its first. What its write-ahead log holds is brought into the file
 * before, for a log stays with the first name. Returns the second name; undefined if there is no store. The lock is held.
 */
export function putAside(open: OpenDatabase, file: string): string | undefined {
  const logs = () => LOGS.filter(suffix => existsSync(`${file}${suffix}`))
  const aside = `${file}.replaced-${new Date().toISOString().replaceAll(':', '')}`
  const isThere = existsSync(file)
  if (!isThere && logs().length === 0) return undefined
  const isWhole = isThere && foldLog(open, file)
  if (!isWhole) setRestoreMark(file)
  const suffixes = isWhole ? [] : logs()
  for (const suffix of isThere ? ['', ...suffixes] : suffixes)
    linkSync(`${file}${suffix}`, `${aside}${suffix}`)
  syncFolderOf(file)
  for (const suffix of [...suffixes, '-shm']) rmSync(`${file}${suffix}`, { force: true })
  return aside
}

/**
 * Leaves all of a store in its one file, or says that it is broken. SQLite refuses this while anyone else has the file open, so
 * no backup under way can find its log gone.
 */
function foldLog(open: OpenDatabase, file: string): boolean {
  try {
    const connection = new Connection(open, file)
    try {
      connection.exec('pragma busy_timeout = 1000; pragma synchronous = full; pragma journal_mode = delete')
    } finally {
      connection.close()
    }
    return true
  } catch (cause) {
    const code = resultCode(cause)
    if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) return false
    if (code !== SQLITE_BUSY) throw cause
    throw new StoreError(`${file} is being read by another process, perhaps a backup: wait for its end`, {
      cause,
    })
  }
}
