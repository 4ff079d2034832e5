import { setTimeout as sleep } from 'node:timers/promises'
import { type BridgeProcess, startBridgeProcess } from './bridge-process.ts'
import type { CommandContext, RunCommand } from './command.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { localUrl } from './local-url.ts'
import { type OpenPostgres, openPostgres } from './open-postgres.ts'
import { type Credentials, internalCredentials, type OpenServer, openServer } from './open-server.ts'
import { programVersion } from './program-version.ts'
import { forgetRunning, writeRunning } from './running.ts'
import { RunningParts } from './running-parts.ts'
import { readSettings, type Settings } from './settings.ts'
import { startLines } from './start-lines.ts'
import { listenForStop, type StopSignal } from './stop-signal.ts'

/** How long the first lines wait for the bridge; without it the server is of use all the same. */
const BRIDGE_READY_MS = 4000

/**
 * `divan start`: everything as one program. What was started is closed in the reverse order, so the bridge
 * ends while server and Postgres are still there.
 */
export const start: RunCommand = async (_args, context) => {
  const { settings, warnings } = readSettings(context.environment)
  for (const line of [...warnings, ...oddSettings(settings)]) context.warn(`divan: ${line}`)
  const folder = openDataFolder(settings.dataFolder)
  const program = new Program({ settings, folder, context })
  const stop = listenForStop(() => program.end())
  try {
    await program.open(stop)
    await stop.requested
    if (context.terminal.isTTY) context.print('\nStopping …')
  } finally {
    await program.close()
    stop.release()
  }
  return 0
}

type ProgramOptions = {
  readonly settings: Settings
  readonly folder: DataFolder
  readonly context: CommandContext
}

/** Server, Postgres and bridge of one data folder. */
class Program {
  readonly #options: ProgramOptions
  readonly #parts = new RunningParts()
  readonly #credentials: Credentials = internalCredentials()
  #bridge: BridgeProcess | undefined
  #bridgeUrl: string | undefined
  #isClosing = false

  constructor(options: ProgramOptions) {
    this.#options = options
  }

  /**
   * Starts the parts, and starts no more of them once it is to stop. The server is first: it holds the lock of
   * the data folder, and with it the right to the Postgres in it.
   */
  async open(stop: StopSignal): Promise<void> {
    const { settings, folder } = this.#options
    const open = await openServer(settings, folder, [this.#credentials])
    this.#parts.add(() => open.server.close())
    if (stop.isRequested()) return
    const postgres = await openPostgres({
      settings,
      folder,
      warn: this.#options.context.warn,
      onMove: () => {
        this.#note(open, postgres)
        this.#bridge?.restart()
      },
    })
    this.#parts.add(() => postgres.close())
    if (stop.isRequested()) return
    await this.#openBridge(open, postgres, stop)
  }

  async #openBridge(open: OpenServer, postgres: OpenPostgres, stop: StopSignal): Promise<void> {
    const { settings, context, folder } = this.#options
    this.#bridge = startBridgeProcess({
      program: context.program,
      environment: () => ({
        ...context.environment,
        DIVAN_SERVER_URL: this.#bridgeServerUrl(open),
        DATABASE_URL: postgres.url(),
      }),
      warn: context.warn,
      watched: url => {
        this.#bridgeUrl = localUrl(url)
        this.#note(open, postgres)
      },
      isWatched: context.terminal.isTTY,
    })
    this.#parts.add(this.#bridge.close)
    this.#note(open, postgres)
    this.#parts.add(async () => forgetRunning(folder))
    const bridgeIsReady = await isReadyInTime(this.#bridge, stop.requested)
    if (stop.isRequested()) return
    const version = programVersion(context.program)
    const lines = startLines({
      open,
      postgres,
      settings,
      version,
      bridgeIsReady,
      bridgeUrl: this.#bridgeUrl,
      paint: context.terminal.paint,
    })
    // In one piece, for the bridge may be writing to the same terminal.
    context.print(lines.join('\n'))
    open.newAdminPasswordShown()
  }

  #bridgeServerUrl({ localUrl }: OpenServer): string {
    return this.#options.settings.serverUrl ?? withCredentials(localUrl, this.#credentials)
  }

  #note(open: OpenServer, postgres: OpenPostgres): void {
    if (this.#isClosing) return
    writeRunning(this.#options.folder, {
      pid: process.pid,
      serverUrl: open.localUrl,
      bridgeServerUrl: this.#bridgeServerUrl(open),
      databaseUrl: postgres.url(),
      bridgeUrl: this.#bridgeUrl,
    })
  }

  close(): Promise<void> {
    this.#isClosing = true
    return this.#parts.close()
  }

  /** For an operator who does not want to wait: what was acknowledged is safe, and the next start recovers. */
  end(): void {
    this.#bridge?.kill()
    process.exit(1)
  }
}

/** Allowed, but seldom meant. */
function oddSettings({ serverUrl }: Settings): readonly string[] {
  if (serverUrl === undefined) return []
  return ['DIVAN_SERVER_URL is set, so the bridge follows that server, not the one started here']
}

function withCredentials(url: string, { name, password }: Credentials): string {
  const whole = new URL(url)
  whole.username = name
  whole.password = password
  return whole.href
}

async function isReadyInTime(bridge: BridgeProcess, stopping: Promise<void>): Promise<boolean> {
  const tooLate = sleep(BRIDGE_READY_MS, false, { ref: false })
  return await Promise.race([bridge.ready.then(() => true), stopping.then(() => false), tooLate])
}
