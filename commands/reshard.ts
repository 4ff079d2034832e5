import { divideDataFolder } from '../server/backup.ts'
import type { RunCommand } from './command.ts'
import { openDataFolder } from './data-folder.ts'
import { OperatorError } from './operator-error.ts'
import { runCopy } from './run-copy.ts'
import { readSettings, settingTable } from './settings.ts'
import { warnOfShards } from './shards-setting.ts'
import { storeFactsText } from './store-facts-text.ts'

/** `divan reshard <n>`: the users are divided anew, over so many files. */
export const reshard: RunCommand = async ({ words: [text = ''] }, { environment, print, warn }) => {
  const { settings } = readSettings(environment)
  const { kind } = settingTable.shards
  const count = kind.parse(text)?.value
  if (count === undefined) throw new OperatorError(`the number of files must be ${kind.allowed}`)
  const folder = openDataFolder(settings.dataFolder)
  const { result, seconds } = await runCopy(divideDataFolder(folder.store, count), folder)
  print(`divided ${storeFactsText(result)}, in ${seconds} s`)
  if (result.replaced !== undefined) print(`the store as it was, to be removed by hand: ${result.replaced}`)
  warnOfShards(result.files, settings, warn)
  return 0
}
