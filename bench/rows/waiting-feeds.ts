import { withConnection, withConnections } from '../client/connection.ts'
import { requestOf, type Target } from '../client/target.ts'
import { makeDatabase } from './databases.ts'
import { heldBy } from './process-cost.ts'
import type { Row, Sample, Size } from './row.ts'
import { settledMemory } from './settled-memory.ts'

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

const ABORTED_TIMES = 2

/** What is left of feeds whose clients are gone: after the second time as many, beyond what was left of the first. */
async function abortFeeds(target: Target, size: Size): Promise<Sample> {
  const count = feedsFor(target, size)
  const abortAll = async () => {
    await withFeeds(target, { count, feed: 'continuous' }, () => settledMemory(target))
    return await settledMemory(target)
  }
  const first = await abortAll()
  let last = first
  for (let time = 1; time < ABORTED_TIMES; time++) last = await abortAll()
  return { value: last - first, parts: { feeds: count }, ...heldBy(target.pid) }
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
    title: 'as many feeds aborted once more: memory that stays',
    unit: 'MB',
    better: 'less',
    goal: { atMost: 16 },
    fresh: true,
    once: true,
    measure: abortFeeds,
  },
]
