import { existsSync, linkSync, lstatSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
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
export function putAside(open: OpenDatabase, file: string, aside = asideOf(file)): string | undefined {
  const logs = () => LOGS.filter(suffix => existsSync(`${file}${suffix}`))
  if (!isAnythingOf(file)) return undefined
  const isThere = existsSync(file)
  const isWhole = isThere && foldLog(open, file)
  if (!isWhole) setRestoreMark(file)
  const suffixes = isWhole ? [] : logs()
  for (const suffix of isThere ? ['', ...suffixes] : suffixes)
    nameAgain(`${file}${suffix}`, `${aside}${suffix}`)
  for (const path of [file, aside]) syncFolderOf(path)
  for (const suffix of [...suffixes, '-shm']) rmSync(`${file}${suffix}`, { force: true })
  return aside
}

/** True where there is a file, or what it left: its log, when it was lost, would be replayed into the next one of its name. */
export function isAnythingOf(file: string): boolean {
  return ['', ...LOGS].some(suffix => existsSync(`${file}${suffix}`))
}

/** A symbolic link, to another disk for one, gets a second one that leads to the same file from everywhere. */
function nameAgain(path: string, aside: string): void {
  if (lstatSync(path).isSymbolicLink()) symlinkSync(realpathSync(path), aside)
  else linkSync(path, aside)
}

/** The second name of what is replaced now. */
export function asideOf(file: string): string {
  return `${file}.replaced-${new Date().toISOString().replaceAll(':', '')}`
}

const FOLD = 'pragma busy_timeout = 1000; pragma synchronous = full; pragma journal_mode = delete'

function execOn(connection: Connection, sql: string): void {
  try {
    connection.exec(sql)
  } finally {
    connection.close()
  }
}

/**
 * Leaves all of a store in its one file, or says that it is broken. SQLite refuses this while anyone else has the file open, so
 * no backup under way can find its log gone.
 */
export function foldLog(open: OpenDatabase, file: string): boolean {
  try {
    // Looked at first: a connection that may write removes the log, when it is closed, of a file that it could not read.
    if (isBroken(open, file)) return false
    execOn(new Connection(open, file), FOLD)
    return true
  } catch (cause) {
    if (isOfBroken(cause)) return false
    if (resultCode(cause) !== SQLITE_BUSY) throw cause
    throw new StoreError(`${file} is being read by another process, perhaps a backup: wait for its end`, {
      cause,
    })
  }
}

/** Whatever else there is to say, such as a journal to be rolled back first, is said to the one that may write. */
function isBroken(open: OpenDatabase, file: string): boolean {
  try {
    execOn(new Connection(open, file, { readOnly: true }), 'select 1 from sqlite_schema')
    return false
  } catch (cause) {
    return isOfBroken(cause)
  }
}

function isOfBroken(cause: unknown): boolean {
  const code = resultCode(cause)
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}
