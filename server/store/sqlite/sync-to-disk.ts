import { closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/** Waits until what was written to a file is on disk. */
export function syncFile(file: string): void {
  const opened = openSync(file, 'r+')
  try {
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
}

/** Waits until the names in this file's folder are on disk: a rename that is not could be undone by a power cut. */
export function syncFolderOf(file: string): void {
  const opened = openSync(dirname(file), 'r')
  try {
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
}
