import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedPostgresError, USE_DATABASE_URL } from './embedded-postgres-error.ts'
import { giveFiles, type PostgresAccount, spawnAs } from './postgres-account.ts'
import { isAlive } from './postmaster-pid.ts'

/** The files of one embedded Postgres: `folder` holds the log and the port, `cluster` what initdb made. */
export type ClusterFiles = {
  readonly folder: string
  readonly cluster: string
  readonly data: string
  readonly password: string
  readonly port: string
  readonly log: string
}

/** The one user, and the name of the one database, of the embedded Postgres. */
export const DIVAN = 'divan'

export function clusterFiles(folder: string): ClusterFiles {
  const cluster = join(folder, 'cluster')
  return {
    folder,
    cluster,
    data: join(cluster, 'data'),
    password: join(cluster, 'password'),
    port: join(folder, 'port'),
    log: join(folder, 'postgres.log'),
  }
}

/**
 * Makes the cluster unless it is there; says whether it made it. Cluster and password appear together, by one
 * rename: an interrupted initdb leaves only a folder that the next start removes. When two processes do this
 * at once, the second rename fails and the first cluster counts.
 */
export async function makeCluster(
  files: ClusterFiles,
  initdb: string,
  account: PostgresAccount,
  fast: boolean,
): Promise<boolean> {
  removeAbandoned(files.folder)
  if (existsSync(files.cluster)) return false
  const making = join(files.folder, `making-${process.pid}`)
  mkdirSync(making, { mode: 0o700 })
  writeFileSync(join(making, 'password'), `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 })
  giveFiles(making, account)
  try {
    await runInitdb(making, initdb, account, fast)
    renameSync(making, files.cluster)
    return true
  } catch (error) {
    rmSync(making, { recursive: true, force: true })
    if (existsSync(files.cluster)) return false
    throw error
  }
}

/** The password that initdb was given. */
export function clusterPassword(files: ClusterFiles): string {
  try {
    return readFileSync(files.password, 'utf8').trim()
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The password of the embedded Postgres is not readable: ${files.password}`,
      {
        cause,
      },
    )
  }
}

/** An initdb that lost its parent may still be writing into what is removed. */
const REMOVE = { recursive: true, force: true, maxRetries: 10 } as const

function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(/^making-(\d+)$/.exec(name)?.[1])
    if (pid === process.pid || (pid > 0 && !isAlive(pid))) {
      rmSync(join(folder, name), REMOVE)
    }
  }
}

/** The C.UTF-8 of Postgres itself: sorts by code point, knows every letter, needs no locale of the system. */
const INITDB_OPTIONS = [
  ...['--username', DIVAN, '--auth', 'scram-sha-256', '--encoding', 'UTF8'],
  ...['--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
  ...['--data-checksums', '--no-instructions'],
]

async function runInitdb(
  making: string,
  initdb: string,
  account: PostgresAccount,
  fast: boolean,
): Promise<void> {
  const files = ['--pgdata', join(making, 'data'), '--pwfile', join(making, 'password')]
  const command = [initdb, ...files, ...INITDB_OPTIONS, ...(fast ? ['--no-sync'] : [])]
  const child = spawnAs(account, command, {
    cwd: making,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', text => {
    said += text
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  if (code === 0) return
  const lines = said.split('\n').filter(line => line.startsWith('initdb:') || line.includes('FATAL:'))
  const reason = lines.find(line => !line.includes('warning:') && !line.includes('hint:')) ?? `code ${code}`
  throw new EmbeddedPostgresError(
    `The embedded Postgres could not be made in ${making} (${reason.trim()}): ${USE_DATABASE_URL}`,
  )
}
