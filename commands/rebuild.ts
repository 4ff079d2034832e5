import { rebuildMirror } from '../bridge/rebuild/rebuild-mirror.ts'
import type { RunCommand } from './command.ts'
import { mirrorUrls } from './mirror-urls.ts'
import { operatorErrorFrom } from './operator-error.ts'
import { readSettings } from './settings.ts'
import { listenForStop } from './stop-signal.ts'

/** `divan rebuild [<table>|<database>|all|cancel]`: rows are made anew from the documents. */
export const rebuild: RunCommand = async ({ words }, { environment, print }) => {
  const { serverUrl, databaseUrl } = mirrorUrls(readSettings(environment).settings)
  const cut = new AbortController()
  const stop = listenForStop(() => process.exit(1))
  void stop.requested.then(() => cut.abort(new Error('cut off: the same command goes on with it')))
  try {
    await rebuildMirror({ serverUrl, databaseUrl, what: words[0], signal: cut.signal, say: print })
  } catch (error) {
    throw operatorErrorFrom(error)
  } finally {
    stop.release()
  }
  return 0
}
