import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, withConnection } from '../client/connection.ts'
import { requestOf, type Target } from '../client/target.ts'
import { percentile } from '../measured.ts'
import { fillDatabases, manyDatabaseName } from '../rows/many-databases.ts'
import { settledMemory, until } from '../rows/settled-memory.ts'
import { costOf } from './cost.ts'
import type { Series } from './series.ts'

const IDLE_MS = 5_000
const HEARTBEAT_MS = 10_000
const CONNECTED_AT_ONCE = 100
const FEW_FEEDS = 100

/** Continuous feeds that wait, each in another database; one is woken at a time. */
export const feedsSeries: Series = {
  key: 'scale-feeds',
  title: 'Waiting continuous feeds, each in another database',
  of: 'feeds',
  amounts: { quick: [1, 50], usual: [1, 10, 100, 1_000], full: [1, 10, 100, 1_000, 10_000] },
  lines: [
    { name: 'processor time of a write that wakes one', unit: 'µs' },
    { name: 'from the write to the row, p50', unit: 'ms' },
    { name: 'processor time of waiting, in a second', unit: 'ms' },
    { name: 'memory of each', unit: 'KB' },
  ],
  most: ({ most }) => most?.feeds,
  async measure(target, amount, size) {
    await fillDatabases(target, amount)
    const before = await settledMemory(target)
    const feeds = await openFeeds(target, amount)
    await until(() => feeds.every(({ connection }) => connection.socket.bytesRead > 0))
    const after = await settledMemory(target)
    const idle = await costOf(target, () => sleep(IDLE_MS, IDLE_MS / 1000))
    const latencies: number[] = []
    const woken = await costOf(target, async () => {
      latencies.push(...(await wakeInTurn(target, feeds, size.singles)))
      return latencies.length
    })
    for (const { connection } of feeds) connection.close()
    // A few are lost in what a process holds anyway.
    const each = amount < FEW_FEEDS ? Number.NaN : (1024 * (after - before)) / amount
    return [woken.cpuMicroseconds, percentile(latencies, 0.5), idle.cpuMicroseconds / 1000, each]
  },
}

type WaitingFeed = { readonly connection: Connection; onRow: () => void }

async function openFeeds(target: Target, count: number): Promise<WaitingFeed[]> {
  const feeds: WaitingFeed[] = []
  while (feeds.length < count) {
    const first = feeds.length
    const length = Math.min(CONNECTED_AT_ONCE, count - first)
    const opened = Array.from({ length }, (_, place) => openFeed(target, first + place))
    feeds.push(...(await Promise.all(opened)))
  }
  return feeds
}

async function openFeed(target: Target, number: number): Promise<WaitingFeed> {
  const feed: WaitingFeed = { connection: await Connection.open(target), onRow: () => undefined }
  const path = `${manyDatabaseName(number)}/_changes?feed=continuous&since=now&heartbeat=${HEARTBEAT_MS}`
  const onPiece = (piece: Buffer) => {
    if (piece.includes('"id"')) feed.onRow()
  }
  feed.connection.send(requestOf(target, 'GET', path), { onPiece }).catch(() => undefined)
  return feed
}

/** How long it took from each write to its row in the feed of that database, in milliseconds. */
async function wakeInTurn(target: Target, feeds: readonly WaitingFeed[], times: number): Promise<number[]> {
  const latencies: number[] = []
  await withConnection(target, async writer => {
    for (let time = 0; time < times; time++) {
      const number = Math.floor((time * feeds.length) / times)
      const feed = feeds[number]
      if (feed === undefined) break
      const row = new Promise<void>(resolve => {
        feed.onRow = resolve
      })
      const path = `${manyDatabaseName(number)}/woken-${process.pid}-${time}`
      const request = requestOf(target, 'PUT', path, '{"type":"session"}')
      const started = performance.now()
      await Promise.all([writer.ask(request), row])
      latencies.push(performance.now() - started)
    }
  })
  return latencies
}
