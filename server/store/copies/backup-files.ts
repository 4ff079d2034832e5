import { closeSync, mkdirSync, openSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { filesOf, MAX_SHARDS, realFirst } from '../sharded/files-of.ts'
import { checkedMarks, findMark, shardsOf } from '../sharded/set-marks.ts'
import { type Backup, backupStore, isStillOurs } from '../sqlite/backup-store.ts'
import { draftOf, refuseNameOf, refuseUnfitTarget } from '../sqlite/backup-target.ts'
import { copyFailure } from '../sqlite/copy-failure.ts'
import type { OpenDatabase } from '../sqlite/driver.ts'
import { refuseUnfinishedRestore } from '../sqlite/restore-mark.ts'
import { syncFolderOf } from '../sqlite/sync-to-disk.ts'
import { StoreError } from '../store-error.ts'
import { type CopiedFacts, sumOf } from './copied-facts.ts'
import { writeManifest } from './manifest.ts'

/** Copies a store, of one file into a file, of several into a folder of as many. */
export function backupFiles(open: OpenDatabase, backup: Backup): CopiedFacts {
  const first = realFirst(backup.file)
  refuseNameOf(filesOf(first, MAX_SHARDS), backup.target)
  refuseUnfinishedRestore(first)
  const shards = shardsOf(open, first)
  if (shards === 1) return { ...backupStore(open, backup), files: 1 }
  return backupShards(open, filesOf(first, shards), backup.target)
}

/** Removes what there is of a backup under way. */
export function removeFilesDraft(target: string): void {
  rmSync(draftOf(target), { recursive: true, force: true })
  rmSync(`${draftOf(target)}-journal`, { force: true })
}

/**
 * Each file is copied as it is at one moment, one after the other: no user has something in two of them, so what is in the copy of one
 * belongs together. The folder gets its name when all of it is on disk.
 */
function backupShards(open: OpenDatabase, files: readonly string[], target: string): CopiedFacts {
  checkedMarks(open, files)
  refuseHalfMade(open, files)
  for (const file of files) refuseUnfitTarget(realpathSync(file), target)
  const draft = draftOf(target)
  const opened = makeDraftFolder(draft, target)
  try {
    const copies = files.map(file => join(draft, basename(file)))
    const facts = files.map((file, at) => backupStore(open, { file, target: copies[at] ?? '' }))
    // Only readers are here: between two of the files all of them may have been replaced.
    checkedMarks(open, copies)
    writeManifest(files, draft, true)
    if (!isStillOurs(draft, opened)) throw new StoreError(`another backup to ${target} is under way`)
    nameFolder(draft, target)
    return sumOf(facts)
  } catch (cause) {
    if (isStillOurs(draft, opened)) removeFilesDraft(target)
    throw copyFailure(`the backup ${target} cannot be made`, cause)
  } finally {
    closeSync(opened)
  }
}

function refuseHalfMade(open: OpenDatabase, files: readonly string[]): void {
  const lacking = files.find(file => findMark(open, file) === 'nothing')
  if (lacking !== undefined)
    throw new StoreError(
      `the store was not made to its end, ${lacking} is still to come: start the server once`,
    )
}

/** It stays open: so no other folder can have its number meanwhile. */
function makeDraftFolder(draft: string, target: string): number {
  try {
    removeFilesDraft(target)
    mkdirSync(draft, { mode: 0o700 })
    return openSync(draft, 'r')
  } catch (cause) {
    throw copyFailure(`the folder ${dirname(target)} cannot be written`, cause)
  }
}

/** A rename replaces no folder that holds something, and no file. */
function nameFolder(draft: string, target: string): void {
  try {
    renameSync(draft, target)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR')
      throw new StoreError(`${target} exists: a backup overwrites nothing`, { cause })
    throw cause
  }
  syncFolderOf(target)
}
