import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { restoreDataFolder } from '../server/backup.ts'
import type { RunCommand } from './command.ts'
import { openDataFolder } from './data-folder.ts'
import { runCopy } from './run-copy.ts'
import { readSettings } from './settings.ts'
import { warnOfShards } from './shards-setting.ts'
import { storeFactsText } from './store-facts-text.ts'

/** `divan restore <backup>`: a backup takes the place of the store. */
export const restore: RunCommand = async ({ words: [file = ''] }, { environment, print, warn }) => {
  const { settings } = readSettings(environment)
  const folder = openDataFolder(settings.dataFolder)
  const { result, seconds } = await runCopy(restoreDataFolder(folder.store, resolve(file)), folder)
  print(`restored ${storeFactsText(result)}, in ${seconds} s`)
  if (result.replaced !== undefined) print(`the store that was there: ${result.replaced}`)
  warnOfShards(result.files, settings, warn)
  if (!existsSync(folder.secrets) && settings.jwtSecret === undefined)
    warn(
      `divan: ${folder.secrets} is missing, and no backup holds it: bring it from the old data folder or set JWT_SECRET, else no token of before is valid`,
    )
  return 0
}
