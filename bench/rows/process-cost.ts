import { readdirSync, readFileSync } from 'node:fs'

/** What a process holds. Undefined where the system does not say. */
export type Held = { readonly residentMb: number; readonly descriptors: number }

const TICK_MS = 10

/** What a process of this machine holds now, as Linux tells it. */
export function heldBy(pid: number | undefined): Held | undefined {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return { residentMb: Number(kilobytes) / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return undefined
  }
}

/** The processor time that a process of this machine has used, all its threads, in milliseconds. */
export function cpuMsOf(pid: number | undefined): number | undefined {
  try {
    const [, after = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
    const [user, system] = after.split(' ').slice(11, 13)
    return (Number(user) + Number(system)) * TICK_MS
  } catch {
    return undefined
  }
}

/** The processor time of each thread of a process of this machine, in milliseconds, by its number; the main one's is the process's. */
export function threadsCpuMs(pid: number | undefined): Map<number, number> {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return new Map(threads.map(thread => [Number(thread), threadCpuMs(`/proc/${pid}/task/${thread}`)]))
  } catch {
    return new Map()
  }
}

/** In nanoseconds, as Linux counts for its scheduler. A thread may have ended since it was listed. */
function threadCpuMs(folder: string): number {
  try {
    return Number.parseInt(readFileSync(`${folder}/schedstat`, 'utf8'), 10) / 1e6
  } catch {
    return 0
  }
}
