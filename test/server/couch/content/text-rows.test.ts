import { join } from 'node:path'
import t from 'tap'
import { nextPageRows, textPieces } from '../../../../server/couch/content/text-rows.ts'
import { type RowStyle, rowsAsText, rowText } from '../../../../server/couch/feeds/change-row.ts'
import { ChangesFeed } from '../../../../server/couch/feeds/changes-feed.ts'
import {
  type ChangesQuery,
  type FeedRequest,
  feedRequest,
} from '../../../../server/couch/feeds/changes-query.ts'
import { FRAMES } from '../../../../server/couch/feeds/feed-frame.ts'
import { startLiveWait } from '../../../../server/couch/feeds/live-wait.ts'
import { NEXT_PAGE, type RowText, rangeRows, rowOf } from '../../../../server/couch/listings/all-docs-rows.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import type { ChangeRow, Database, Edit, Store } from '../../../../server/store/store.ts'

const IDS = [
  'a',
  'é',
  'quo"te',
  'back\\slash',
  'line\nfeed',
  'tab\t\b\f\u001f\u007f',
  'nul\u0000',
  'one\u0001',
  "ap'os",
  '😀',
]
const STYLES: readonly RowStyle[] = [false, true].flatMap(allLeaves =>
  [false, true].flatMap(includeDocs =>
    [false, true].flatMap(conflicts =>
      [false, true].map(lastLive => ({ allLeaves, includeDocs, conflicts, lastLive, attachments: false })),
    ),
  ),
)

const RUNS = 4

/** Documents of every kind, written in several runs of the store, so that there are several epochs; some of each run are changed, purged or compacted in the next. */
async function varied(file: string): Promise<{ readonly store: Store; readonly database: Database }> {
  let store: Store | undefined
  for (let run = 0; run < RUNS; run++) {
    await store?.close()
    store = await openStore({ file, log: () => {} })
    await store.createDatabase('varied')
    const database = store.database('varied')
    await database?.write([
      ...IDS.map(id => plainEdit(id + run)),
      ...editsOf(`a${run}`),
      ...editsOf(`type:${run}`),
      ...Array.from({ length: 25 }, (_, n) => plainEdit(`type:${run} ${n}`)),
      ...Array.from({ length: 5 }, (_, n) => laterEdit(`type:${run - 1} ${n * 3}`)),
    ])
    if (run === 1) await database?.compact()
    await database?.purge(
      new Map([
        [`type:${run} 7`, revsOf(database, `type:${run} 7`)],
        [`a${run} branched`, ['2-c']],
        [`type:${run} branched`, revsOf(database, `type:${run} branched`)],
      ]),
    )
  }
  const database = store?.database('varied')
  if (store === undefined || database === undefined) throw new Error('no database')
  return { store, database }
}

/** Over what is there already, whatever that is. */
function laterEdit(id: string): Edit {
  return {
    kind: 'replicated',
    id,
    deleted: false,
    body: '{"later":1}',
    revisions: { start: 2, ids: ['f'.repeat(32), 'e'.repeat(32)] },
  }
}

function revsOf(database: Database, id: string): readonly string[] {
  return (
    database
      .doc(id)
      ?.tree.leaves()
      .map(({ rev }) => rev) ?? []
  )
}

function plainEdit(id: string): Edit {
  return { kind: 'interactive', id, deleted: false, body: '{"x":"ü"}' }
}

function editsOf(id: string): Edit[] {
  const edit = (name: string, body: object, ids: readonly string[], deleted = false): Edit => {
    const revisions = { start: ids.length, ids }
    return { kind: 'replicated', id: id + name, deleted, body: JSON.stringify(body), revisions }
  }
  const attachment = { name: 'a.txt', contentType: 'text/plain', data: Buffer.from('text') }
  return [
    edit('', { x: 'ü"\u0000' }, ['b', 'a']),
    edit(' empty', {}, ['a']),
    edit(' deleted', { y: 1 }, ['b', 'a'], true),
    edit(' was live', { y: 1 }, ['a']),
    edit(' was live', {}, ['b', 'a'], true),
    edit(' branched', { z: 1 }, ['b', 'a']),
    edit(' branched', { z: 2 }, ['c', 'a']),
    edit(' large', { text: 'x'.repeat(20_000) }, ['a']),
    { ...edit(' attached', { w: [] }, ['a']), attachments: [attachment] },
  ]
}

t.test('the engine makes of rows what we make of them one by one', async t => {
  const { store, database } = await varied(join(t.testdir(), 'store.sqlite'))
  t.teardown(() => store.close())
  const frame = FRAMES.normal

  await t.test('of a feed, whatever its style, in either direction and pages of any size', async t => {
    for (const style of STYLES) {
      for (const descending of [false, true]) {
        const query = {
          after: descending ? Number.POSITIVE_INFINITY : 0,
          limit: 1000,
          descending,
          withBodies: style.includeDocs,
          withLastLive: style.lastLive,
        }
        const line = (row: Parameters<typeof rowText>[0]) =>
          `,\n${rowText(row, `"${database.sequence(row.n)}"`, style)}`
        const wanted = database.changes(query).map(line).join('')
        for (const limit of [1000, 7]) {
          let text = ''
          let { after } = query
          for (;;) {
            const page = database.changesText(
              { ...query, after, limit },
              rowsAsText(style, { withSeq: true, frame }),
            )
            for (const piece of textPieces(page)) {
              if (piece instanceof Uint8Array) text += Buffer.from(piece).toString()
              else
                text += database
                  .changes({ ...query, descending: false, after: piece.odd - 1, limit: 1 })
                  .map(line)
            }
            if (page.last === undefined) break
            after = page.last
          }
          t.equal(text, wanted, JSON.stringify({ ...style, descending, limit }))
        }
      }
    }
  })

  await t.test('of a listing, and of one type', async t => {
    for (const of of [database, database.ofType('a0'), database.ofType('nothing')]) {
      for (const docs of [false, true]) {
        for (const conflicts of [false, true]) {
          for (const descending of [false, true]) {
            const parts = { docs, conflicts, attachments: false, deletedBodies: false }
            const range = { limit: 1000, descending, skip: 3 }
            const wanted = of.docs({ ...range, withBodies: docs }).map(row => rowOf(of, row, parts))
            t.same(
              textOf(rangeRows(of, range, parts)),
              wanted.join(',\n'),
              JSON.stringify({ ...parts, descending }),
            )
          }
        }
      }
    }
  })
})

const CHANGES: readonly { readonly since?: number; readonly limit?: number }[] = [
  {},
  { since: 70 },
  { limit: 1 },
  { limit: 20 },
  { limit: 21 },
  { limit: 100 },
  { since: 30, limit: 61 },
]

t.test('a feed is one text, whichever way its rows are made', async t => {
  const { store, database } = await varied(join(t.testdir(), 'store.sqlite'))
  t.teardown(() => store.close())
  const epochs = new Set(allChanges(database).map(({ n }) => database.sequence(n).split('-')[1]))
  t.equal(epochs.size, RUNS)
  const named = allChanges(database).flatMap(({ id }, n) => (n % 3 === 0 ? [id] : []))
  for (const of of [database, database.ofType('type'), database.ofType('nothing')])
    for (const flags of [{}, { include_docs: true }, { style: 'all_docs' as const, last_live: true }]) {
      const all = allChanges(of, feedRequest(flags, undefined))
      for (const filter of ['', '_doc_ids'])
        for (const interval of [1, 20, 100])
          for (const descending of [false, true])
            for (const { since = 0, limit } of CHANGES) {
              const asked = { ...flags, descending, limit, filter, seq_interval: interval }
              const place = since === 0 ? undefined : database.sequence(since)
              const request = feedRequest({ ...asked, since: place }, { doc_ids: named })
              const [text, wanted] = [await textOfFeed(of, request), feedText(of, request, { all, since })]
              if (text !== wanted) t.equal(text, wanted, JSON.stringify({ ...asked, since }))
            }
    }
})

function allChanges(database: Database, style?: RowStyle) {
  return database.changes({
    after: 0,
    limit: 10_000,
    descending: false,
    withBodies: style?.includeDocs === true,
    withLastLive: style?.lastLive === true,
  })
}

/** What a feed has to be, from single rows. */
function feedText(
  database: Database,
  request: FeedRequest,
  { all, since }: { readonly all: readonly ChangeRow[]; readonly since: number },
): string {
  const { descending, filter, limit, seqInterval } = request
  const wanted = all.filter(({ id }) => filter.kind !== 'ids' || filter.ids.has(id))
  const inOrder = descending
    ? wanted.filter(({ n }) => since === 0 || n <= since).reverse()
    : wanted.filter(({ n }) => n > since)
  const rows = inOrder.slice(0, limit)
  const seq = (n: number) => `"${database.sequence(n)}"`
  const lines = rows.map((row, n) =>
    rowText(row, n % seqInterval === 0 || n === limit - 1 ? seq(row.n) : 'null', request),
  )
  const { updateSeq } = database.facts()
  const end = descending
    ? (rows.at(-1)?.n ?? since)
    : rows.length === limit
      ? (rows.at(-1)?.n ?? 0)
      : updateSeq
  const pending = all.filter(({ n }) => (descending ? n < end : n > end)).length
  return `{"results":[\n${lines.join(',\n')}\n],\n"last_seq":${seq(end)},"pending":${pending}}\n`
}

t.test(
  'a feed of a hundred rows waits for no turn, also in pieces; behind the last page none does',
  async t => {
    const { store, database } = await varied(join(t.testdir(), 'store.sqlite'))
    t.teardown(() => store.close())
    const turns = async (asked: ChangesQuery) => {
      let count = 0
      await textOfFeed(database, feedRequest(asked, undefined), () => count++)
      return count
    }
    t.equal(await turns({ limit: 100, seq_interval: 100, include_docs: true }), 0)
    t.equal(await turns({ limit: 100, seq_interval: 20 }), 0)
    t.equal(await turns({}), 1, 'before its only page')
    t.equal(await turns({ descending: true }), 1)
    const parts = { docs: false, conflicts: false, attachments: false, deletedBodies: false }
    t.notOk([...rangeRows(database, { limit: 1000 }, parts)].includes(NEXT_PAGE))
    t.notOk([...rangeRows(database, { limit: 50 }, { ...parts, docs: true })].includes(NEXT_PAGE))
    t.ok([...rangeRows(database, { limit: 150 }, { ...parts, docs: true })].includes(NEXT_PAGE))
  },
)

t.test(
  'a row that changes while its page is written is left out, and the page is JSON all the same',
  async t => {
    const { store, database } = await varied(join(t.testdir(), 'store.sqlite'))
    t.teardown(() => store.close())
    const isBranched = (row: ChangeRow) => row.leaves !== undefined && row.leaves.length > 1
    const all = database.changes({ after: 0, limit: 10_000, withBodies: false, withLastLive: false })
    const branched = all.find(isBranched)
    if (branched === undefined) throw new Error('nothing branched')
    // As it is when the writer commits between the page and the row.
    const changing = new Proxy(database, {
      get: (target, name) =>
        name === 'changes' ? () => [] : Reflect.get(target, name, target)?.bind?.(target),
    })
    const since = database.sequence(branched.n - 1)
    const text = await textOfFeed(
      changing,
      feedRequest({ since, limit: 30, seq_interval: 20, style: 'all_docs' }, undefined),
    )
    const { results } = JSON.parse(text) as { readonly results: readonly { readonly id: string }[] }
    const plain = all.filter(row => row.n > branched.n && !isBranched(row))
    t.strictSame(
      results.map(({ id }) => id),
      plain.slice(0, 30).map(({ id }) => id),
    )
  },
)

async function textOfFeed(
  database: Database,
  request: FeedRequest,
  onTurn: () => void = () => {},
): Promise<string> {
  let text = ''
  const { signal } = new AbortController()
  const write = (chunk: string | Uint8Array): undefined => {
    text += Buffer.from(chunk).toString()
  }
  const wait = startLiveWait({ out: { signal, write }, signal })
  await new ChangesFeed(database, request, async () => onTurn()).writeNormal(wait)
  wait.close()
  return text
}

function textOf(rows: ReturnType<typeof rangeRows>): string {
  let text = ''
  for (const row of rows)
    if (row !== NEXT_PAGE)
      text += 'bytes' in Object(row) ? bytesOf(row as { bytes: Uint8Array }) : `,\n${row as RowText}`
  return text.slice(2)
}

function bytesOf({ bytes }: { readonly bytes: Uint8Array }): string {
  return Buffer.from(bytes).toString()
}

t.test('pages of documents have about as many bytes, whatever a document has', t => {
  const page = (rows: number, bytes: number) =>
    nextPageRows({ rows, last: 1, odd: [], text: new Uint8Array(bytes) })
  t.equal(page(100, 50_000), 524)
  t.equal(page(100, 800_000), 33)
  t.equal(page(10, 100), 1000)
  t.equal(page(1, 100_000_000), 16)
  t.end()
})
