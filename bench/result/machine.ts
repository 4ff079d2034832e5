import { availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os'

/** What was measured on, and how much else it had to do. */
export type Machine = {
  readonly cores: number
  readonly processor: string
  readonly memoryGb: number
  readonly system: string
  readonly node: string
  /** Processes that wanted a core in the minute before, and in the last one. */
  readonly loadBefore: number
  readonly loadAfter: number
}

export function machineNow(loadBefore: number): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: platform(),
    node: process.version,
    loadBefore,
    loadAfter: loadNow(),
  }
}

export function loadNow(): number {
  return loadavg()[0] ?? Number.NaN
}
