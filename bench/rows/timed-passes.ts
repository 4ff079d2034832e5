import type { Target } from '../client/target.ts'
import { cpuMsOf, heldBy } from './process-cost.ts'
import type { Sample, Size } from './row.ts'

/** Work that can be done again and again. */
export type Passes = {
  /** What a pass needs, made while no clock runs. */
  before?(): Promise<void>
  /** Does the work; how many units it was. */
  pass(): Promise<number>
  /** Looks whether the work was done, while no clock runs. */
  after?(): Promise<void>
}

/**
 * Units in a second: passes until the time is up, after one that is not counted, in which the server's code is compiled and
 * its caches fill.
 */
export async function timedPasses(target: Target, size: Size, work: Passes): Promise<Sample> {
  await work.before?.()
  await work.pass()
  await work.after?.()
  const total = { units: 0, ms: 0, serverMs: 0, clientMs: 0 }
  while (total.ms < size.atLeastMs) {
    await work.before?.()
    const before = { time: performance.now(), server: cpuMsOf(target.pid), client: process.cpuUsage() }
    total.units += await work.pass()
    total.ms += performance.now() - before.time
    const { user, system } = process.cpuUsage(before.client)
    total.clientMs += (user + system) / 1000
    total.serverMs += (cpuMsOf(target.pid) ?? Number.NaN) - (before.server ?? Number.NaN)
    await work.after?.()
  }
  return {
    value: (1000 * total.units) / total.ms,
    serverSeconds: Number.isNaN(total.serverMs) ? undefined : total.serverMs / total.units,
    clientShare: total.clientMs / total.ms,
    ...heldBy(target.pid),
  }
}
