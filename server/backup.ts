import type { CopiedFacts } from './store/copies/copied-facts.ts'
import type { RestoredFiles } from './store/copies/restore-files.ts'
import { type RunningCopy, startBackup, startDivision, startRestore } from './store/copies/start-copy.ts'
import { storeFileIn } from './store-file.ts'

/** Copies the store of this data folder into a new file, or a folder if it has several, whether its server runs or not. */
export function backupDataFolder(dataFolder: string, target: string): RunningCopy<CopiedFacts> {
  return startBackup({ file: storeFileIn(dataFolder), target })
}

/** Puts a backup in the place of this data folder's store. Its server must not run. */
export function restoreDataFolder(dataFolder: string, backup: string): RunningCopy<RestoredFiles> {
  return startRestore({ file: storeFileIn(dataFolder), backup })
}

/** Divides this data folder's store over so many files. Its server must not run. */
export function divideDataFolder(dataFolder: string, count: number): RunningCopy<RestoredFiles> {
  return startDivision({ file: storeFileIn(dataFolder), count })
}

export type { CopiedFacts, RestoredFiles, RunningCopy }
