import { setTimeout as sleep } from 'node:timers/promises'
import { withConnection, withConnections } from '../client/connection.ts'
import { requestOf, type Target } from '../client/target.ts'
import { makeDatabase } from './databases.ts'
import { heldBy } from './process-cost.ts'
import type { Row, Sample, Size } from './row.ts'

/** Feeds that wait in the same database, and what each adds to the server's memory. */
async function waitInFeeds(target: Target, size: Size, feed: 'longpoll' | 'continuous'): Promise<Sample> {
  const name = await withConnection(target, connection => makeDatabase(target, connection))
  const before = await settledMemory(target)
  const request = requestOf(target, 'GET', `${name}/_changes?feed=${feed}&since=0&heartbeat=10000`)
  return await withConnections(target, size.feeds, async connections => {
    for (const connection of connections) connection.send(request).catch(() => undefined)
    const after = await settledMemory(target)
    return { value: (1024 * (after - before)) / size.feeds, ...heldBy(target.pid) }
  })
}

/** When it no longer grows. */
async function settledMemory(target: Target): Promise<number> {
  for (let last = 0; ; ) {
    await sleep(1000)
    const { residentMb = Number.NaN } = heldBy(target.pid) ?? {}
    if (Number.isNaN(residentMb) || residentMb <= last * 1.01) return residentMb
    last = residentMb
  }
}

export const waitingFeedsRows: readonly Row[] = (['longpoll', 'continuous'] as const).map(feed => ({
  key: `waiting-${feed}`,
  title: `waiting feeds (${feed}): memory of the server for each`,
  unit: 'KB',
  better: 'less' as const,
  measure: (target: Target, size: Size) => waitInFeeds(target, size, feed),
}))
