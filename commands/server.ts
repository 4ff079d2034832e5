import type { RunCommand } from './command.ts'
import { openDataFolder } from './data-folder.ts'
import { openServer } from './open-server.ts'
import { forgetRunning, writeRunning } from './running.ts'
import { readSettings } from './settings.ts'
import { serverLines } from './start-lines.ts'
import { listenForStop } from './stop-signal.ts'

/** `divan server`: the server alone, for a bridge elsewhere or none. */
export const server: RunCommand = async (_args, { environment, print, warn }) => {
  const { settings, warnings } = readSettings(environment)
  for (const line of warnings) warn(`divan: ${line}`)
  const folder = openDataFolder(settings.dataFolder)
  const stop = listenForStop(() => process.exit(1))
  try {
    const open = await openServer(settings, folder)
    writeRunning(folder, { pid: process.pid, serverUrl: open.localUrl })
    for (const line of serverLines(open, settings)) print(line)
    await stop.requested
    await open.server.close()
    forgetRunning(folder)
  } finally {
    stop.release()
  }
  return 0
}
