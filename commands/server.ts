import type { RunCommand } from './command.ts'
import { openDataFolder } from './data-folder.ts'
import { openServer } from './open-server.ts'
import { forgetRunning, writeRunning } from './running.ts'
import { RunningParts } from './running-parts.ts'
import { readSettings } from './settings.ts'
import { serverLines } from './start-lines.ts'
import { listenForStop } from './stop-signal.ts'

/** `divan server`: the server alone, for a bridge elsewhere or none. */
export const server: RunCommand = async (_args, { environment, print, warn }) => {
  const { settings, warnings } = readSettings(environment)
  for (const line of warnings) warn(`divan: ${line}`)
  const folder = openDataFolder(settings.dataFolder)
  const parts = new RunningParts()
  const stop = listenForStop(() => process.exit(1))
  try {
    const open = await openServer(settings, folder)
    parts.add(() => open.server.close())
    writeRunning(folder, { pid: process.pid, serverUrl: open.localUrl })
    parts.add(async () => forgetRunning(folder))
    for (const line of serverLines(open, settings)) print(line)
    open.newAdminPasswordShown()
    await stop.requested
  } finally {
    await parts.close()
    stop.release()
  }
  return 0
}
