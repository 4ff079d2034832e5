import type { Target } from '../client/target.ts'
import { cpuMsOf } from '../rows/process-cost.ts'

/** What work costs the server, for each unit of it. */
export type Cost = {
  /** Of the server's processor; NaN for one on another machine. */
  readonly cpuMicroseconds: number
  readonly microseconds: number
}

/** `work` returns how many units it was. */
export async function costOf(target: Target, work: () => Promise<number>): Promise<Cost> {
  const [started, used] = [performance.now(), cpuMsOf(target.pid) ?? Number.NaN]
  const units = await work()
  const cpuMs = (cpuMsOf(target.pid) ?? Number.NaN) - used
  return {
    cpuMicroseconds: (1000 * cpuMs) / units,
    microseconds: (1000 * (performance.now() - started)) / units,
  }
}
