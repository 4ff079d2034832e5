import type { Restored } from './store/sqlite/restore-store.ts'
import { type RunningCopy, startBackup, startRestore } from './store/sqlite/start-copy.ts'
import type { StoreFacts } from './store/sqlite/store-facts.ts'
import { storeFileIn } from './store-file.ts'

/** Copies the store of this data folder into a new file, whether its server runs or not. */
export function backupDataFolder(dataFolder: string, target: string): RunningCopy<StoreFacts> {
  return startBackup({ file: storeFileIn(dataFolder), target })
}

/** Puts a backup in the place of this data folder's store. Its server must not run. */
export function restoreDataFolder(dataFolder: string, backup: string): RunningCopy<Restored> {
  return startRestore({ file: storeFileIn(dataFolder), backup })
}

export type { Restored, RunningCopy, StoreFacts }
