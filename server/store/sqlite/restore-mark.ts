import { closeSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { StoreError } from '../store-error.ts'
import { syncFolderOf } from './sync-to-disk.ts'

/**
 * Lies beside the store while a restore replaces a file that cannot be opened. For a moment such a file stands without its
 * write-ahead log; were it opened then, it could pass for a store of an earlier time.
 */
function markOf(file: string): string {
  return `${file}.unfinished-restore`
}

export function setRestoreMark(file: string): void {
  const opened = openSync(markOf(file), 'w', 0o600)
  fsyncSync(opened)
  closeSync(opened)
  syncFolderOf(file)
}

export function removeRestoreMark(file: string): void {
  rmSync(markOf(file), { force: true })
}

/** Refuses a store whose restore was cut off at that moment. */
export function refuseUnfinishedRestore(file: string): void {
  if (existsSync(markOf(file))) throw new StoreError(`a restore of ${file} was cut off: run it again`)
}
