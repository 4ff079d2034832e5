import { resolve } from 'node:path'
import { backupDataFolder } from '../server/backup.ts'
import type { RunCommand } from './command.ts'
import { dataFolderAt } from './data-folder.ts'
import { runCopy } from './run-copy.ts'
import { readSettings } from './settings.ts'
import { storeFactsText } from './store-facts-text.ts'

/** `divan backup <file>`: a copy of the store, whether the server runs or not. */
export const backup: RunCommand = async ({ words: [file = ''] }, { environment, print }) => {
  const { settings } = readSettings(environment)
  const folder = dataFolderAt(settings.dataFolder)
  const target = resolve(file)
  const { result, seconds } = await runCopy(backupDataFolder(folder.store, target), folder)
  print(`${target}: ${storeFactsText(result)}, in ${seconds} s`)
  return 0
}
