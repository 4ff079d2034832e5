import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isPostgresError } from '../postgres-errors.ts'
import { type ClusterFiles, clusterFiles, clusterPassword, DIVAN, makeCluster } from './cluster.ts'
import { EmbeddedPostgresError, USE_DATABASE_URL } from './embedded-postgres-error.ts'
import { freePort, isFreePort } from './free-port.ts'
import { makeDatabase, type OwnerSession, ownServer } from './owner-session.ts'
import { giveFiles, postgresAccount } from './postgres-account.ts'
import { nativeFolder, postgresBinaries, programsIn } from './postgres-binaries.ts'
import {
  type Postmaster,
  PostmasterStartError,
  postmasterCommand,
  postmasterEnd,
  runningPostmaster,
  startPostmaster,
  stopPostmaster,
} from './postmaster.ts'

export { EmbeddedPostgresError } from './embedded-postgres-error.ts'

/** A Postgres of our own: the real one, on 127.0.0.1 only, with the one user and the one database `divan`. */
export type EmbeddedPostgres = {
  readonly url: string
  /** It was running already, left behind by a process that was killed. */
  readonly adopted: boolean
  /** Resolves when it has ended, by `close` or by itself. */
  readonly exited: Promise<void>
  /** Stops it, with a fast shutdown; the data stay. May be called twice. */
  close(): Promise<void>
}

export type EmbeddedPostgresOptions = {
  /** Holds everything: cluster, password, port, log. Made when it is not there. */
  readonly folder: string
  readonly log?: ((line: string) => void) | undefined
  /** Must be this one; without it the last one if it is free, else any. An adopted Postgres keeps its own. */
  readonly port?: number | undefined
  /** For tests: nothing is written durably. */
  readonly fast?: boolean | undefined
}

/** Leftovers of a killed Postgres (its shared memory, its port) are gone within a second or two. */
const START_ATTEMPTS = 20
const RETRY_MS = 250

/**
 * Starts the Postgres of this folder, or adopts it if it runs already and its owner is dead. Throws an
 * `EmbeddedPostgresError` when that cannot work here, and a bug as it is.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    const files = clusterFiles(openFolder(options.folder))
    const started = await adoptOrStart(files, options)
    return await owned(files, started)
  } catch (error) {
    throw startError(error, options.folder)
  }
}

/** One line for what the system or Postgres refuses; a bug stays what it is. */
function startError(error: unknown, folder: string): unknown {
  if (error instanceof EmbeddedPostgresError || !isPostgresError(error)) return error
  const message = `The embedded Postgres in ${folder} cannot be used: ${error.message}; ${USE_DATABASE_URL}`
  return new EmbeddedPostgresError(message, { cause: error })
}

/** Only Postgres may read the folder; its parents are made for all, so that `nobody` can reach it. */
function openFolder(folder: string): string {
  const path = resolve(folder)
  mkdirSync(dirname(path), { recursive: true })
  if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o700 })
  return realpathSync(path)
}

type Started = { readonly postmaster: Postmaster; readonly adopted: boolean }

async function adoptOrStart(files: ClusterFiles, options: EmbeddedPostgresOptions): Promise<Started> {
  for (let attempt = 1; ; attempt++) {
    const running = await runningPostmaster(files)
    if (running) {
      options.log?.(`Postgres: adopted process ${running.pid}, left behind on port ${running.port}`)
      return { postmaster: running, adopted: true }
    }
    try {
      return { postmaster: await start(files, options), adopted: false }
    } catch (error) {
      if (attempt === START_ATTEMPTS || !mayTryAgain(error, options)) throw error
      await sleep(RETRY_MS)
    }
  }
}

async function start(files: ClusterFiles, options: EmbeddedPostgresOptions): Promise<Postmaster> {
  const fast = options.fast ?? false
  const native = nativeFolder()
  const binaries = postgresBinaries(native, files.folder)
  const account = postgresAccount(programsIn(native).postgres, files.folder)
  if (await makeCluster(files, binaries.initdb, account, fast)) {
    options.log?.(`Postgres: made a new cluster in ${files.folder}`)
  }
  const port = await choosePort(files, options.port)
  const command = postmasterCommand(binaries.postgres, files, { port, fast })
  const postmaster = await startPostmaster(files, command, account)
  writeFileSync(files.port, `${port}\n`)
  giveFiles(files.port, account)
  return postmaster
}

function mayTryAgain(error: unknown, options: EmbeddedPostgresOptions): boolean {
  if (!(error instanceof PostmasterStartError)) return false
  if (error.failure === 'port taken') return options.port === undefined
  return error.failure !== 'other'
}

/** A stable port keeps the printed URL, and every psql and dashboard that was given it, working. */
async function choosePort(files: ClusterFiles, wanted: number | undefined): Promise<number> {
  if (wanted !== undefined) {
    if (await isFreePort(wanted)) return wanted
    throw new EmbeddedPostgresError(`Port ${wanted} of 127.0.0.1, meant for the embedded Postgres, is taken`)
  }
  const last = existsSync(files.port) ? Number(readFileSync(files.port, 'utf8')) : 0
  return last > 0 && (await isFreePort(last)) ? last : await freePort()
}

async function owned(files: ClusterFiles, { postmaster, adopted }: Started): Promise<EmbeddedPostgres> {
  const { pid, port } = postmaster
  const password = clusterPassword(files)
  const owner = await ownServer({ pid, port, data: files.data, password })
  try {
    await makeDatabase(owner.client)
  } catch (error) {
    owner.release()
    await stopPostmaster(pid, files.data)
    throw error
  }
  const url = `postgres://${DIVAN}:${password}@127.0.0.1:${port}/${DIVAN}`
  return { url, adopted, ...lifecycle(pid, files.data, owner) }
}

function lifecycle(
  pid: number,
  data: string,
  owner: OwnerSession,
): Pick<EmbeddedPostgres, 'exited' | 'close'> {
  const closed = new AbortController()
  let closing: Promise<void> | undefined
  const stop = async () => {
    owner.release()
    await stopPostmaster(pid, data)
    closed.abort()
  }
  return {
    exited: postmasterEnd(pid, data, closed.signal),
    close: () => {
      closing ??= stop()
      return closing
    },
  }
}
