import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { StoreError } from '../store-error.ts'
import { syncFolderOf } from './sync-to-disk.ts'

/**
 * Lies beside the store while a restore replaces a file that cannot be opened. For a moment such a file stands without its
 * write-ahead log; were it opened then, it could pass for a store of an earlier time. It also lies beside the first file of a store while
 * several files take their places (../copies/swap-files.ts), and says then which.
 */
function markOf(file: string): string {
  return `${file}.unfinished-restore`
}

function draftOf(file: string): string {
  return `${markOf(file)}.draft`
}

/** Whole or not at all: an empty one, left by a full disk, would shut a store for ever and say no more what is to be done. */
export function setRestoreMark(file: string, text = ''): void {
  try {
    const opened = openSync(draftOf(file), 'w', 0o600)
    try {
      writeSync(opened, text)
      fsyncSync(opened)
    } finally {
      closeSync(opened)
    }
    renameSync(draftOf(file), markOf(file))
  } catch (cause) {
    rmSync(draftOf(file), { force: true })
    throw cause
  }
  syncFolderOf(file)
}

export function removeRestoreMark(file: string): void {
  rmSync(markOf(file), { force: true })
}

/** What the mark says, which may be nothing. Undefined: there is none. */
export function readRestoreMark(file: string): string | undefined {
  return existsSync(markOf(file)) ? readFileSync(markOf(file), 'utf8') : undefined
}

/** Refuses a store whose restore was cut off at that moment. */
export function refuseUnfinishedRestore(file: string): void {
  const text = readRestoreMark(file)
  if (text === undefined) return
  const what = text.includes('"division"') ? 'division' : 'restore'
  throw new StoreError(`a ${what} of ${file} was cut off: run it again`)
}
