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

/** A busy machine needs its time; but nothing is waited for longer than this. */
const UNTIL_MS = 120_000

/** Waits for what the server has to do first, and gives up after two minutes. */
export async function until(isDone: () => boolean): Promise<void> {
  const end = performance.now() + UNTIL_MS
  while (!isDone()) {
    if (performance.now() > end) throw new Error('The server did not come to rest')
    await sleep(100)
  }
}
