import { setTimeout as sleep } from 'node:timers/promises'

const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 15_000

/**
 * How long to wait after this many failures in a row: twice as long each time, and a random part of it, so that
 * bridges which lost the same server do not all come back at the same moment.
 */
export function delayAfter(failures: number): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 16))
  return longest * (0.5 + Math.random() / 2)
}

/** Waits, and returns early when the signal aborts: the loop that waited looks at the signal itself. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
