import t from 'tap'
import type { CouchClient } from '../../bridge/couch-client.ts'
import { type Feed, type FeedPart, feedParts } from '../../bridge/feed-parts.ts'
import type { Source } from '../../bridge/source.ts'
import { metricsDbName } from '../../design-docs/user-db.ts'

const sub = '0b3f5c1e-7d2a-4e8b-9c6f-1a2b3c4d5e6f'
const source: Source = { database: metricsDbName(sub), kind: 'metrics', userUuid: sub }

/** A change of a document with so many samples. */
function row(chunk: number, seq: string, samples: number): unknown {
  const sessionId = 'phone:3'
  const list = Array.from({ length: samples }, (_, timestamp) => ({ timestamp }))
  const doc = { _id: `metrics:${sessionId}:${chunk}`, _rev: '1-a', sessionId, samples: list }
  return { id: doc._id, seq, changes: [{ rev: '1-a' }], doc }
}

function feedOf(results: readonly unknown[], pending: number): Feed {
  const client: CouchClient = {
    url: 'http://server',
    json: async () => ({ results, last_seq: 'end', pending }),
  }
  return { client, signal: new AbortController().signal, source, limit: () => 20 }
}

/** The parts of the first page. */
async function partsOf(feed: Feed): Promise<FeedPart[]> {
  const parts = []
  for await (const part of feedParts(feed, undefined)) {
    parts.push(part)
    if (part.read === 0) break
  }
  return parts
}

function rowsIn({ plan }: FeedPart): number {
  return [...plan.tables.values()].reduce((sum, { rows }) => sum + rows.count, 0)
}

t.test(
  'a page that would be too many rows is applied in parts, each of which ends at a place of the feed',
  async t => {
    const results = [1, 2, 3, 4, 5, 6].map(n => row(n, `s${n}`, 15_000))
    const parts = await partsOf(feedOf(results, 7))
    t.strictSame(
      parts.map(part => [rowsIn(part), part.changes.length, part.cursor, part.pending, part.read]),
      [
        [30_000, 2, 's2', 11, 4],
        [30_000, 2, 's4', 9, 2],
        [30_000, 2, 'end', 7, 0],
      ],
    )
  },
)

t.test(
  'of a document that a page holds twice the last change counts, and no part ends behind one that is to come',
  async t => {
    const parts = await partsOf(feedOf([row(1, 's1', 1), row(2, 's2', 25_000), row(1, 's3', 2)], 0))
    t.strictSame(
      parts.map(part => [rowsIn(part), part.cursor, part.pending]),
      [
        [25_000, 's2', 1],
        [2, 'end', 0],
      ],
    )
  },
)

t.test('a document with more samples than any app writes is a dead letter', async t => {
  const [part] = await partsOf(feedOf([row(1, 's1', 30_001)], 0))
  t.match(part?.plan.deadLetters, [
    { problem: { path: 'samples', reason: /30000.*30001.*several documents/ } },
  ])
  t.equal(part && rowsIn(part), 0)
})

t.test('others have the processor while a page of many rows is planned', async t => {
  const feed = feedOf(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(n => row(n, `s${n}`, 1500)),
    0,
  )
  let turns = 0
  let isDone = false
  const others = (async () => {
    while (!isDone) {
      turns++
      await new Promise(setImmediate)
    }
  })()
  await partsOf(feed)
  isDone = true
  await others
  t.ok(turns > 5, `${turns} turns of the loop`)
})
