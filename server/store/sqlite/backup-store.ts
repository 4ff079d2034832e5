import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { StoreError } from '../store-error.ts'
import { draftOf, nameBackup, refuseUnfitTarget } from './backup-target.ts'
import { Connection } from './connection.ts'
import { copyFailure } from './copy-failure.ts'
import type { OpenDatabase } from './driver.ts'
import { checkedFormat } from './prepare-file.ts'
import { readStoreFacts, type StoreFacts } from './store-facts.ts'
import { syncFolderOf } from './sync-to-disk.ts'

export type Backup = {
  /** The store's file. A server may be writing it. */
  readonly file: string
  /** Where the copy goes. There must be no such file yet. */
  readonly target: string
}

/** Removes a draft, and the journal that SQLite keeps for it: beside the next draft it would be rolled back into that. */
export function removeBackupDraft(target: string): void {
  for (const suffix of ['', '-journal']) rmSync(`${draftOf(target)}${suffix}`, { force: true })
}

/**
 * Copies the store as it is at one moment. The copy is read in one snapshot, so it holds every write that was acknowledged
 * before and no half of another; writers go on meanwhile. It gets its name when it was checked and is on disk.
 */
export function backupStore(open: OpenDatabase, { file, target }: Backup): StoreFacts {
  if (!existsSync(file)) throw new StoreError(`there is no store to back up: ${file} does not exist`)
  refuseUnfitTarget(realpathSync(file), target)
  const draft = draftOf(target)
  const opened = makeDraft(draft, target)
  try {
    copyInto(open, file, draft)
    fsyncSync(opened)
    const facts = checkedCopy(open, draft)
    if (!isStillOurs(draft, opened)) throw new StoreError(`another backup to ${target} is under way`)
    nameBackup(target)
    syncFolderOf(target)
    return facts
  } catch (cause) {
    if (isStillOurs(draft, opened)) removeBackupDraft(target)
    throw copyFailure(`the backup ${target} cannot be made`, cause)
  } finally {
    closeSync(opened)
  }
}

/** An empty file is taken by `vacuum into` as none; made here, it belongs to its user alone from the start. */
function makeDraft(draft: string, target: string): number {
  try {
    removeBackupDraft(target)
    return openSync(draft, 'wx+', 0o600)
  } catch (cause) {
    throw copyFailure(`the folder ${dirname(target)} cannot be written`, cause)
  }
}

function copyInto(open: OpenDatabase, file: string, draft: string): void {
  const source = new Connection(open, file, { readOnly: true })
  try {
    source.exec('pragma busy_timeout = 5000')
    checkedFormat(source, file)
    source.run('vacuum into ?', draft)
  } finally {
    source.close()
  }
}

function checkedCopy(open: OpenDatabase, draft: string): StoreFacts {
  const copy = new Connection(open, draft, { readOnly: true })
  try {
    checkedFormat(copy, draft)
    const [found] = copy.rows<[string]>('pragma quick_check(1)')
    if (found?.[0] !== 'ok') throw new StoreError(`the store is damaged: ${found?.[0]}`)
    return readStoreFacts(copy, draft)
  } finally {
    copy.close()
  }
}

/** A second backup to the same place has put a draft of its own there. */
export function isStillOurs(draft: string, opened: number): boolean {
  return statSync(draft, { throwIfNoEntry: false })?.ino === fstatSync(opened).ino
}
