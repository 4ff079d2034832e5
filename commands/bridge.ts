import { type BridgeOptions, startBridge } from '../bridge/bridge.ts'
import { BRIDGE_READY, type BridgeMessage } from './bridge-process.ts'
import type { RunCommand } from './command.ts'
import { OperatorError, operatorErrorFrom } from './operator-error.ts'
import { programVersion } from './program-version.ts'
import { BRIDGE_PORT, readSettings, type Settings } from './settings.ts'
import { listenForStop, type StopSignal } from './stop-signal.ts'

/** `divan bridge`: the bridge alone, or the one that `divan start` runs beside its server. */
export const bridge: RunCommand = async (_args, { environment, program, warn }) => {
  const { settings, warnings } = readSettings(environment)
  const isChild = process.channel !== undefined
  const urls = bridgeUrls(settings)
  if (!isChild) for (const line of warnings) warn(`divan: ${line}`)
  const stop = isChild ? listenToParent() : listenForStop(() => process.exit(1))
  try {
    await runUntil(stop, { ...urls, logLevel: settings.logLevel, watch: watchOptions(settings, program) })
  } finally {
    stop.release()
  }
  return 0
}

async function runUntil(stop: StopSignal, options: BridgeOptions): Promise<void> {
  const waiting = new AbortController()
  void stop.requested.then(() => waiting.abort())
  try {
    const running = await startBridge({ ...options, signal: waiting.signal })
    tellParent(BRIDGE_READY)
    const failure = await Promise.race([stop.requested, running.ended])
    await running.close()
    if (failure !== undefined) throw failure
  } catch (error) {
    if (!stop.isRequested()) throw operatorErrorFrom(error)
  }
}

/** Where the bridge tells of itself. */
export function watchOptions({ bridgeHost, bridgePort }: Settings, program: string): BridgeOptions['watch'] {
  if (bridgePort === 'off') return undefined
  return {
    host: bridgeHost,
    port: bridgePort ?? BRIDGE_PORT,
    orAnother: bridgePort === undefined,
    version: programVersion(program),
    listening: watchUrl => tellParent({ watchUrl }),
  }
}

/** A bridge alone has none. */
function tellParent(message: BridgeMessage): void {
  if (process.connected) process.send?.(message)
}

function bridgeUrls({ serverUrl, databaseUrl }: Settings) {
  const missing: string[] = []
  if (serverUrl === undefined) missing.push('the bridge alone needs DIVAN_SERVER_URL: what it follows')
  if (databaseUrl === undefined)
    missing.push('the bridge alone needs DATABASE_URL: the Postgres it writes to')
  if (serverUrl === undefined || databaseUrl === undefined) throw new OperatorError(missing)
  return { serverUrl, databaseUrl }
}

/**
 * The parent decides when its bridge ends, and its end is the channel's. A Ctrl-C in the terminal reaches both
 * processes; were it obeyed here too, the bridge would end before the parent expects it.
 */
function listenToParent(): StopSignal {
  let isRequested = false
  const ignore = () => {}
  process.on('SIGINT', ignore)
  process.on('SIGHUP', ignore)
  const requested = new Promise<void>(resolve => {
    const request = () => {
      isRequested = true
      resolve()
    }
    process.once('disconnect', request)
    process.once('SIGTERM', request)
  })
  return {
    requested,
    isRequested: () => isRequested,
    release() {
      if (process.connected) process.disconnect()
    },
  }
}
