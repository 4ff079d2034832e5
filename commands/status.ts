import { setTimeout as sleep } from 'node:timers/promises'
import { NO_MIRROR } from '../bridge/dead-letters.ts'
import { type MirrorState, mirrorState } from '../bridge/watch/mirror-state.ts'
import { askHealth } from './ask-health.ts'
import type { RunCommand } from './command.ts'
import { dataFolderAt } from './data-folder.ts'
import { localUrl } from './local-url.ts'
import { messageOf } from './operator-error.ts'
import { readRunning } from './running.ts'
import { BRIDGE_PORT, readSettings, type Settings } from './settings.ts'
import { type PartStatus, statusLines } from './status-lines.ts'

/** `divan status`: one screen for the operator. The exit code is 0 if server, bridge and the mirror's Postgres are up. */
export const status: RunCommand = async (_args, { environment, print, terminal: { paint } }) => {
  const { settings } = readSettings(environment)
  const places = placesOf(settings)
  const [server, bridge, postgres] = await Promise.all([
    partAt('Server', places.serverUrl),
    partAt('Bridge', places.bridgeUrl),
    askPostgres(places.databaseUrl),
  ])
  const parts = [server, bridge, postgres.part]
  const isFollowed = server.isUp && bridge.isUp && places.bridgeUrl !== undefined
  const mirror = postgres.mirror && { ...postgres.mirror, isFollowed }
  for (const line of statusLines(parts, mirror, paint)) print(line)
  return parts.every(part => part.isUp) ? 0 : 1
}

type Places = {
  readonly serverUrl: string
  /** Undefined where the bridge is not to be asked. */
  readonly bridgeUrl: string | undefined
  /** Undefined where nothing says which Postgres it is. */
  readonly databaseUrl: string | undefined
}

/** The settings say where to look; else what runs on the data folder; else where it would run. */
function placesOf(settings: Settings): Places {
  const running = readRunning(dataFolderAt(settings.dataFolder))
  return {
    serverUrl: settings.serverUrl ?? running?.serverUrl ?? urlAt(settings.host, settings.port),
    bridgeUrl: bridgeUrlOf(settings, running?.bridgeUrl),
    databaseUrl: settings.databaseUrl ?? running?.databaseUrl,
  }
}

function bridgeUrlOf({ bridgeHost, bridgePort }: Settings, running: string | undefined): string | undefined {
  if (bridgePort === 'off') return undefined
  // 0 takes any free one: which one, only what runs can tell.
  const port = bridgePort === 0 ? undefined : bridgePort
  if (port === undefined && running !== undefined) return running
  return urlAt(bridgeHost, port ?? BRIDGE_PORT)
}

function urlAt(host: string, port: number): string {
  return localUrl(`http://${host.includes(':') ? `[${host}]` : host}:${port}`)
}

async function partAt(name: string, url: string | undefined): Promise<PartStatus> {
  if (url === undefined)
    return { name, where: '', isUp: true, words: 'not asked: DIVAN_BRIDGE_PORT is empty' }
  // fetch takes no credentials in a URL, and no part needs them for this.
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  return { name, where: `${bare.protocol}//${bare.host}`, ...(await askHealth(bare.href)) }
}

/** Longer than the statement itself may take. */
const PATIENCE_MS = 5000

type PostgresStatus = { readonly part: PartStatus; readonly mirror: MirrorState | undefined }

async function askPostgres(databaseUrl: string | undefined): Promise<PostgresStatus> {
  const name = 'Postgres'
  if (databaseUrl === undefined) {
    return {
      part: { name, where: '', isUp: false, words: 'nothing runs here, and DATABASE_URL is not set' },
      mirror: undefined,
    }
  }
  const { host, pathname } = new URL(databaseUrl)
  const where = `${host}${pathname}`
  try {
    const tooLate = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`no answer within ${PATIENCE_MS / 1000} s`)
    })
    const mirror = await Promise.race([mirrorState(databaseUrl), tooLate])
    const isUp = mirror !== undefined
    return { part: { name, where, isUp, words: isUp ? 'ok' : NO_MIRROR }, mirror }
  } catch (error) {
    return { part: { name, where, isUp: false, words: messageOf(error) }, mirror: undefined }
  }
}
