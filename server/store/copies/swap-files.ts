import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { filesOf, filesThere, MAX_SHARDS } from '../sharded/files-of.ts'
import { findMark } from '../sharded/set-marks.ts'
import type { OpenDatabase } from '../sqlite/driver.ts'
import { asideOf, isAnythingOf, putAside } from '../sqlite/put-aside.ts'
import { readRestoreMark, removeRestoreMark, setRestoreMark } from '../sqlite/restore-mark.ts'
import { draftOf, removeRestoreDraft } from '../sqlite/restore-store.ts'
import { syncFolderOf } from '../sqlite/sync-to-disk.ts'
import { StoreError } from '../store-error.ts'
import { writeManifest } from './manifest.ts'

/** Which files take the place of those that are there: drafts that are whole and on disk. */
export type Swap = {
  readonly what: 'restore' | 'division'
  readonly count: number
  /** What the new files are marked with. Null: the store is one file. */
  readonly set: string | null
}

/**
 * Puts drafts in the place of all files of a store. Several renames are not one, so before the first of them a mark is set that says what
 * is to be done: it keeps the store shut until all is done, and whoever comes then can go on. The old files get second names before.
 * Returns the folder they are in. All locks are held.
 */
export function swapFiles(open: OpenDatabase, first: string, swap: Swap): string | undefined {
  const aside = putAllAside(open, first, swap.count)
  setRestoreMark(first, JSON.stringify(swap))
  if (!finishSwap(open, first, swap)) throw new StoreError(`what was to take the place of ${first} is gone`)
  return aside
}

function putAllAside(open: OpenDatabase, first: string, count: number): string | undefined {
  const old = filesThere(first)
  const replaced = [...new Set([...old, ...filesOf(first, count)])].filter(isAnythingOf)
  if (replaced.length === 0) return undefined
  const folder = asideOf(first)
  mkdirSync(folder, { mode: 0o700 })
  for (const file of replaced) putAside(open, file, join(folder, basename(file)))
  writeManifest(old, folder, false)
  syncFolderOf(first)
  return folder
}

/** The swap that was cut off when the files had begun to take their places. */
export function unfinishedSwap(first: string): Swap | undefined {
  const text = readRestoreMark(first)
  return text?.startsWith('{') ? JSON.parse(text) : undefined
}

/**
 * Does what is left to be done, however much that is. False: the drafts of a division are gone, as after a signal in this very moment,
 * but none had taken its place: the store is the old one.
 */
export function finishSwap(open: OpenDatabase, first: string, { what, count, set }: Swap): boolean {
  const files = filesOf(first, count)
  const isNew = (file: string) => {
    const found = existsSync(file) ? findMark(open, file) : 'nothing'
    return set === null ? found === 'one file' : typeof found === 'object' && found.set === set
  }
  const waiting = files.filter(file => isNew(draftOf(file)))
  const lost = files.find(file => !waiting.includes(file) && !isNew(file))
  // A restore may have put aside the log of a file that it could not read.
  if (lost !== undefined && (what === 'restore' || files.some(isNew)))
    throw new StoreError(`${lost} can be finished no more: restore what was put aside, or a backup`)
  if (lost === undefined) takePlaces(first, { files, waiting })
  for (const file of filesOf(first, MAX_SHARDS).slice(1)) removeRestoreMark(file)
  removeRestoreMark(first)
  removeDrafts(first)
  return lost === undefined
}

type Places = { readonly files: readonly string[]; readonly waiting: readonly string[] }

function takePlaces(first: string, { files, waiting }: Places): void {
  for (const file of waiting) renameSync(draftOf(file), file)
  for (const file of filesThere(first)) if (!files.includes(file)) rmSync(file)
  syncFolderOf(first)
}

/** Removes what was made to take the files' places, unless it has begun to: then it must come to its end. */
export function removeDrafts(first: string): void {
  if (unfinishedSwap(first) !== undefined) return
  for (const file of filesOf(first, MAX_SHARDS)) removeRestoreDraft(file)
}
