import { chmodSync, constants, copyFileSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import { StoreError } from '../store-error.ts'
import { Connection } from './connection.ts'
import { copyFailure } from './copy-failure.ts'
import type { OpenDatabase } from './driver.ts'
import { lockFile } from './file-lock.ts'
import { checkedFormat } from './prepare-file.ts'
import { putAside } from './put-aside.ts'
import { realFile } from './real-file.ts'
import { removeRestoreMark } from './restore-mark.ts'
import { readStoreFacts, type StoreFacts } from './store-facts.ts'
import { replaceUuid } from './store-uuid.ts'
import { syncFile, syncFolderOf } from './sync-to-disk.ts'
import { upgradeFile } from './upgrade-file.ts'
import { deleteReplicationLogs } from './writer/replication-logs.ts'

export type Restore = {
  /** The store's file, which need not be there; its folder is. */
  readonly file: string
  readonly backup: string
}

/** What was restored, and where the store lies that it replaced. */
export type Restored = StoreFacts & { readonly replaced: string | undefined }

/** What the new store is called until it takes its place. */
export function draftOf(file: string): string {
  return `${file}.restoring`
}

/**
 * Puts a backup in the place of the store. No server may run on it. All that is to be done to the new file is done to a draft; what
 * replaces the old one is a single rename, so that whenever the process ends, the old store or the new one is there, whole.
 */
export function restoreStore(open: OpenDatabase, { file: named, backup }: Restore): Restored {
  const file = realFileOf(named)
  refuseUnfit(file, backup)
  const lock = lockFile(open, file)
  try {
    const facts = makeDraft(open, file, backup)
    const replaced = putAside(open, file)
    renameSync(draftOf(file), file)
    syncFolderOf(file)
    removeRestoreMark(file)
    return { ...facts, replaced }
  } catch (cause) {
    removeRestoreDraft(file)
    throw copyFailure(`${backup} cannot be restored`, cause)
  } finally {
    lock.release()
  }
}

function realFileOf(file: string): string {
  try {
    return realFile(file)
  } catch (cause) {
    throw copyFailure(`${file} cannot be restored`, cause)
  }
}

/** Refuses what is no backup. */
export function refuseUnfit(file: string, backup: string): void {
  const found = statSync(backup, { throwIfNoEntry: false })
  if (found?.isFile() !== true) throw new StoreError(`there is no backup: ${backup} is no file`)
  const real = realpathSync(backup)
  if (file === real) throw new StoreError(`${backup} is the store itself, not a backup of it`)
  // A copy without it would be a store of an earlier time.
  if ((statSync(`${real}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0)
    throw new StoreError(`${backup} has a write-ahead log beside it, so it is a store in use and no backup`)
}

/** Makes what is to take the place of a file, beside it. */
export function makeDraft(open: OpenDatabase, file: string, backup: string): StoreFacts {
  const draft = draftOf(file)
  removeRestoreDraft(file)
  copyFileSync(backup, draft, constants.COPYFILE_FICLONE)
  chmodSync(draft, 0o600)
  const facts = prepareDraft(open, draft, backup)
  syncFile(draft)
  return facts
}

/** Removes a draft, and the logs that SQLite keeps for it. */
export function removeRestoreDraft(file: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${draftOf(file)}${suffix}`, { force: true })
}

/**
 * The clients' replication logs are deleted: they name changes that this store never saw, and a client that finds its log would
 * never push those again. The uuid is a new one, so that a client that lives on and writes its log once more writes one that no later
 * session reads. Sequences need nothing: each database takes a new epoch at its next commit.
 */
function prepareDraft(open: OpenDatabase, draft: string, backup: string): StoreFacts {
  const copy = new Connection(open, draft)
  try {
    const format = checkedFormat(copy, backup)
    const [found] = copy.rows<[string]>('pragma integrity_check(1)')
    if (found?.[0] !== 'ok') throw new StoreError(`${backup} is damaged: ${found?.[0]}`)
    // One file, whatever the backup was: a log of its own would not move with it.
    copy.exec('pragma journal_mode = delete')
    upgradeFile(copy, format)
    deleteReplicationLogs(copy)
    replaceUuid(copy)
    return readStoreFacts(copy, draft)
  } finally {
    copy.close()
  }
}
