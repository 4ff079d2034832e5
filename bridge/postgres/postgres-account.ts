import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { existsSync, lchownSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EmbeddedPostgresError, USE_DATABASE_URL } from './embedded-postgres-error.ts'

/**
 * As whom Postgres runs. `prefix` is a command that runs another one; uid and gid are switched to by spawn;
 * `owner` is whom its files must belong to (undefined: they are ours already).
 */
export type PostgresAccount = {
  readonly prefix: readonly string[]
  readonly owner?: Owner | undefined
  readonly switchTo?: Owner | undefined
}

type Owner = { readonly uid: number; readonly gid: number }

const NOBODY: Owner = { uid: 65534, gid: 65534 }
const ROOT: Owner = { uid: 0, gid: 0 }

/** Postgres needs nothing of our environment, and our secrets are none of its business. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' }

const OURSELVES: PostgresAccount = { prefix: [] }

/** Root inside its own user namespace is nobody special: still the owner of its files, but no longer uid 0. */
const ROOT_WITHOUT_ROOT: PostgresAccount = {
  prefix: ['unshare', '--user', `--map-user=${NOBODY.uid}`, `--map-group=${NOBODY.gid}`],
  owner: ROOT,
}

/**
 * The first account that can reach both `program` and the parent of `folder`, tried by really going there. Postgres
 * refuses to run as root; then it is the folder's owner, or `nobody`, or root without root. The folder's files are
 * made that account's own.
 */
export function postgresAccount(program: string, folder: string): PostgresAccount {
  const failures: string[] = []
  for (const account of candidates(folder)) {
    const failure = tryAccount(account, program, dirname(folder))
    if (failure === undefined) {
      giveFiles(folder, account)
      return account
    }
    failures.push(failure)
  }
  throw new EmbeddedPostgresError(
    `The embedded Postgres cannot run here (${failures.join('; ')}): ${USE_DATABASE_URL}`,
  )
}

/** Gives one file or everything in a folder to the account, without following links. */
export function giveFiles(path: string, account: PostgresAccount): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!account.owner || !found) return
  const { uid, gid } = account.owner
  try {
    if (found.uid !== uid || found.gid !== gid) lchownSync(path, uid, gid)
    if (!found.isDirectory()) return
    for (const name of readdirSync(path)) giveFiles(join(path, name), account)
  } catch (error) {
    // Another process that starts here too may remove its temporary files meanwhile.
    if (existsSync(path)) throw error
  }
}

/** Starts a program as the account. */
export function spawnAs(
  account: PostgresAccount,
  command: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const [file = '', ...args] = [...account.prefix, ...command]
  return spawn(file, args, { ...options, ...account.switchTo, env: ENVIRONMENT })
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

function candidates(folder: string): PostgresAccount[] {
  if (!isRoot()) return [OURSELVES]
  const { uid, gid } = statSync(folder)
  const user = uid === 0 ? NOBODY : { uid, gid }
  return [{ prefix: [], owner: user, switchTo: user }, ROOT_WITHOUT_ROOT]
}

/**
 * Undefined when it works, else the reason. `cd` needs every parent of the place to be reachable. (Trying inside the
 * folder itself would mean to give it away before it is known to whom, under another process that starts here too.)
 */
function tryAccount(account: PostgresAccount, program: string, parent: string): string | undefined {
  const script = 'cd "$1" && test -x "$2"'
  const [file = '', ...args] = [...account.prefix, '/bin/sh', '-c', script, 'sh', parent, program]
  const options = { ...account.switchTo, env: ENVIRONMENT, encoding: 'utf8', cwd: '/' } as const
  const tried = spawnSync(file, args, options)
  if (tried.status === 0) return undefined
  const said = tried.error?.message ?? tried.stderr.trim().split('\n')[0]
  return `${accountName(account)}: ${said || `no permission for ${program}`}`
}

function accountName(account: PostgresAccount): string {
  if (account.prefix.length > 0) return 'root in a user namespace'
  return account.switchTo ? `user ${account.switchTo.uid}` : 'this user'
}
