import { readdirSync, readFileSync } from 'node:fs'
import { cpuMs } from './bench-program.ts'

/** Linux tells times in hundredths of a second. */
const TICK_MS = 10

/**
 * The processor time of a process and of all that it has started, in milliseconds, also of those that have ended: a
 * Postgres is one process for each connection.
 */
export function familyCpuMs(pid: number): number {
  const living = childrenOf(pid).reduce((sum, child) => sum + (cpuMs(child) || 0), 0)
  return cpuMs(pid) + endedChildrenMs(pid) + living
}

function endedChildrenMs(pid: number): number {
  const [user, system] = fieldsOf(String(pid)).slice(13, 15)
  return (Number(user) + Number(system)) * TICK_MS
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && fieldsOf(name)[1] === String(pid))
    .map(Number)
}

/** What stands behind the name of a process in its `stat`: state, parent, … */
function fieldsOf(pid: string): string[] {
  try {
    const [, after = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) (?=[A-Z] )/)
    return after.split(' ')
  } catch {
    return []
  }
}
