import { withConnection, withConnections } from '../client/connection.ts'
import { requestOf, type Target } from '../client/target.ts'
import { makeDatabase } from './databases.ts'
import { heldBy } from './process-cost.ts'
import type { Row, Sample, Size } from './row.ts'
import { settledMemory, until } from './settled-memory.ts'

type Feed = 'longpoll' | 'continuous'

/** Feeds that wait in the same database, until `work` ends; then all their clients are gone at once. */
async function withFeeds<T>(
  target: Target,
  { count, feed }: { readonly count: number; readonly feed: Feed },
  work: () => Promise<T>,
): Promise<T> {
  const name = await withConnection(target, connection => makeDatabase(target, connection))
  const request = requestOf(target, 'GET', `${name}/_changes?feed=${feed}&since=0&heartbeat=10000`)
  return await withConnections(target, count, async connections => {
    for (const connection of connections) connection.send(request).catch(() => undefined)
    await until(() => connections.every(({ socket }) => socket.bytesRead > 0))
    return await work()
  })
}

function feedsFor({ most }: Target, { feeds }: Size): number {
  return Math.min(feeds, most?.feeds ?? feeds)
}

async function waitInFeeds(target: Target, size: Size, feed: Feed): Promise<Sample> {
  const count = feedsFor(target, size)
  await withFeeds(target, { count: 10, feed }, () => settledMemory(target))
  const before = await settledMemory(target)
  return await withFeeds(target, { count, feed }, async () => {
    const after = await settledMemory(target)
    return { value: (1024 * (after - before)) / count, parts: { feeds: count }, ...heldBy(target.pid) }
  })
}

const ABORTED_TIMES = 5
/** What a server may have opened meanwhile for other reasons. */
const FEW_DESCRIPTORS = 10

/**
 * What is left of feeds whose clients are gone. Garbage comes and goes between the times; what stays lifts even the least of the
 * last three above the least of the first two.
 */
async function abortFeeds(target: Target, size: Size): Promise<Sample> {
  const count = feedsFor(target, size)
  const after: number[] = []
  for (let time = 0; time < ABORTED_TIMES; time++) {
    const descriptors = heldBy(target.pid)?.descriptors ?? Number.NaN
    await withFeeds(target, { count, feed: 'continuous' }, async () => undefined)
    await until(() => (heldBy(target.pid)?.descriptors ?? 0) <= descriptors + FEW_DESCRIPTORS)
    after.push(await settledMemory(target))
  }
  const parts = Object.fromEntries(after.map((megabytes, place) => [`MB after ${place + 1}`, megabytes]))
  const value = Math.min(...after.slice(2)) - Math.min(...after.slice(0, 2))
  return { value, parts: { feeds: count, ...parts }, ...heldBy(target.pid) }
}

export const waitingFeedsRows: readonly Row[] = [
  ...(['longpoll', 'continuous'] as const).map(
    (feed): Row => ({
      key: `waiting-${feed}`,
      title: `waiting feeds (${feed}): memory for each`,
      unit: 'KB',
      better: 'less',
      goal: { atMost: 30 },
      fresh: true,
      once: true,
      measure: (target, size) => waitInFeeds(target, size, feed),
    }),
  ),
  {
    key: 'aborted-feeds',
    title: 'feeds aborted, five times as many: memory that stays',
    unit: 'MB',
    better: 'less',
    goal: { atMost: 16 },
    fresh: true,
    once: true,
    measure: abortFeeds,
  },
]
