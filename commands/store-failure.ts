import type { DataFolder } from './data-folder.ts'
import { messageOf, OperatorError, operatorErrorFrom } from './operator-error.ts'
import { readRunning } from './running.ts'

/** The store's own lines are clear; only it cannot know who holds its data folder. */
export function storeFailure(error: unknown, folder: DataFolder): unknown {
  const isHeld = messageOf(error).includes('already open in another process')
  return isHeld ? new OperatorError(inUse(folder), { cause: error }) : operatorErrorFrom(error)
}

function inUse(folder: DataFolder): string {
  const running = readRunning(folder)
  const who = running === undefined ? '' : ` (process ${running.pid}, ${running.serverUrl})`
  return `a Divan already runs on the data folder ${folder.path}${who}`
}
