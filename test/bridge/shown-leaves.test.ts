import t from 'tap'
import type { Change, DocRev } from '../../bridge/changes-feed.ts'
import type { CouchClient } from '../../bridge/couch-client.ts'
import { rivalRevs, withShownLeaves } from '../../bridge/shown-leaves.ts'
import { collectGarbage } from '../fixtures/collect-garbage.ts'

const { signal } = new AbortController()

function live(id: string, revs: readonly string[], members: Partial<Change> = {}): Change {
  const doc = { _id: id, _rev: revs[0] ?? '', updatedAt: 1 }
  return { id, seq: `${id}-seq`, revs, deleted: false, doc, lastLive: undefined, time: undefined, ...members }
}

t.test('only living documents with rivals need more bodies, and never the winner’s', async t => {
  const revs = ['3-c', '2-b', '1-d']
  const changes = [
    live('session:a', revs),
    live('session:b', ['1-a']),
    live('session:gone', revs, { deleted: true, doc: undefined }),
    live('_design/x', revs),
  ]
  t.strictSame(rivalRevs(changes), [
    { id: 'session:a', rev: '2-b' },
    { id: 'session:a', rev: '1-d' },
  ])
})

type Answer = (doc: DocRev) => unknown

/** A server that answers `_bulk_get`. */
function serverOf(bodyOf: Answer): CouchClient {
  return {
    url: 'http://server',
    async json({ body }) {
      const { docs } = body as { readonly docs: readonly DocRev[] }
      return { results: docs.map(doc => ({ docs: [{ ok: bodyOf(doc) }] })) }
    },
  }
}

t.test('each change comes once, in order, with the leaf that is shown, wherever an answer ends', async t => {
  // 150 leaves of one document are more than one answer has.
  const many = Array.from({ length: 150 }, (_, n) => `1-${String(n).padStart(3, '0')}`)
  const changes = [
    live('session:none', ['1-a']),
    live('session:few', ['2-b', '1-c', '1-d']),
    live('session:many', ['2-a', ...many]),
    live('session:last', ['2-b', '1-old']),
    live('session:alone', ['1-a']),
  ]
  const times: Record<string, number> = { '1-c': 5, '1-d': 3, '1-120': 9, '1-121': 10, '1-old': 0 }
  const client = serverOf(({ id, rev }) => ({
    _id: id,
    _rev: rev,
    updatedAt: times[rev] ?? 2,
    ...(rev === '1-121' ? { _deleted: true } : {}),
  }))
  const shown = []
  for await (const group of withShownLeaves({ client, signal, database: 'db' }, changes)) shown.push(...group)
  t.strictSame(
    shown.map(({ id, doc }) => [id, doc?._rev]),
    [
      ['session:none', '1-a'],
      ['session:few', '1-c'],
      ['session:many', '1-120'],
      ['session:last', '2-b'],
      ['session:alone', '1-a'],
    ],
  )
})

t.test('any number of large leaves needs the memory of an answer, not of them all', async t => {
  const revs = Array.from({ length: 500 }, (_, n) => `1-${n}`)
  const before = await usedAfterGarbage()
  let most = 0
  const client = serverOf(({ id, rev }) => ({
    _id: id,
    _rev: rev,
    updatedAt: Number(rev.slice(2)),
    list: large(),
  }))
  const measured: CouchClient = {
    ...client,
    async json(request) {
      most = Math.max(most, (await usedAfterGarbage()) - before)
      return await client.json(request)
    },
  }
  const reader = { client: measured, signal, database: 'db' }
  for await (const [change] of withShownLeaves(reader, [live('session:a', ['2-a', ...revs])])) {
    t.equal(change?.doc?._rev ?? '', '1-499')
  }
  t.ok(most < 25_000_000, `${most} bytes`)
})

/** A hundred kilobytes. A list, because equal texts may be one. */
function large(): number[] {
  return new Array(12_500).fill(0.5)
}

async function usedAfterGarbage(): Promise<number> {
  await collectGarbage()
  return process.memoryUsage().heapUsed
}
