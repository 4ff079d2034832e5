import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a running Postgres says about itself in `postmaster.pid`. */
export type PostmasterPid = {
  readonly pid: number
  readonly port: number
  /** `starting`, `ready`, `stopping`, `standby`; empty in the first moments. */
  readonly status: string
}

/** Reads `postmaster.pid` (manual: "Database File Layout"); undefined when there is none or it is half written. */
export function readPostmasterPid(data: string): PostmasterPid | undefined {
  const lines = readIfThere(join(data, 'postmaster.pid'))?.split('\n') ?? []
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  return { pid, port: Number(lines[3] ?? 0), status: (lines[7] ?? '').trim() }
}

/** True when a process has this id, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/**
 * True when the process is a Postgres on this very data folder. A pid alone proves nothing: after a reboot, and
 * above all in a restarted container, the id in the file belongs to somebody else. Its command line does prove
 * it, and stays readable where `/proc/<pid>/cwd` is not (a root without the ptrace capability, as in Docker).
 */
export function isPostmaster(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false
  const args = process.platform === 'linux' ? readIfThere(`/proc/${pid}/cmdline`)?.split('\0') : undefined
  if (args) return args.some((arg, at) => arg === '-D' && args[at + 1] === data)
  return listedCommand(pid).includes(`-D ${data}`)
}

function listedCommand(pid: number): string {
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) {
      return undefined
    }
    throw error
  }
}
