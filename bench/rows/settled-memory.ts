import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from '../client/target.ts'
import { heldBy } from './process-cost.ts'

const PAUSE_MS = 1000

/** The server's memory when it no longer grows, in MB. */
export async function settledMemory(target: Target): Promise<number> {
  for (let last = 0; ; ) {
    await sleep(PAUSE_MS)
    const { residentMb = Number.NaN } = heldBy(target.pid) ?? {}
    if (Number.isNaN(residentMb) || residentMb <= last * 1.01) return residentMb
    last = residentMb
  }
}
