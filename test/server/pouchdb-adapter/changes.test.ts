import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { divanPouch } from '../../fixtures/divan-pouch.ts'
import { eventually } from '../../fixtures/eventually.ts'

const { open, store } = await divanPouch(t)

t.test('a feed goes on from where it was, and ends where the database does', async t => {
  const pouch = open('pages')
  await pouch.bulkDocs(Array.from({ length: 1200 }, (_, n) => ({ _id: `doc-${n}`, n })))
  const first = await pouch.changes({ limit: 700 })
  t.equal(first.results.length, 700, 'over more than one page')
  t.match(first.results[0], { id: 'doc-0', seq: /^1-/, changes: [{ rev: /^1-/ }] })
  t.notOk(first.results.some(change => 'doc' in change))
  const rest = await pouch.changes({ since: first.last_seq, include_docs: true })
  t.match(rest.results, { length: 500, 0: { id: 'doc-700', doc: { n: 700 } } })
  t.equal(rest.last_seq, (await pouch.info()).update_seq)
  t.match(
    await pouch.changes({ since: 1199 }),
    { results: [{ id: 'doc-1199' }] },
    'a number of this database',
  )
  t.match(await pouch.changes({ since: 'now' }), { results: [], last_seq: rest.last_seq })
  t.match(await pouch.changes({ descending: true, limit: 2 }), {
    results: [{ id: 'doc-1199' }, { id: 'doc-1198' }],
  })
})

t.test('only some documents: by id, by function, by selector', async t => {
  const pouch = open('filters')
  await pouch.bulkDocs(Array.from({ length: 20 }, (_, n) => ({ _id: `doc-${n}`, n })))
  const ids = async (options: PouchDB.Core.ChangesOptions) => {
    const { results, last_seq } = await pouch.changes(options)
    return { ids: results.map(({ id }) => id), last_seq: Number.parseInt(String(last_seq), 10) }
  }
  t.strictSame(await ids({ doc_ids: ['doc-3', 'doc-9', 'none'] }), { ids: ['doc-3', 'doc-9'], last_seq: 20 })
  t.strictSame(await ids({ filter: doc => doc.n % 7 === 0 }), {
    ids: ['doc-0', 'doc-7', 'doc-14'],
    last_seq: 20,
  })
  t.strictSame(await ids({ selector: { n: { $gt: 17 } } }), { ids: ['doc-18', 'doc-19'], last_seq: 20 })
  t.strictSame(await ids({ filter: doc => doc.n > 4, limit: 2 }), { ids: ['doc-5', 'doc-6'], last_seq: 7 })
  const broken = { filter: () => JSON.parse('nonsense') }
  await t.rejects(Promise.resolve(pouch.changes(broken)), { name: 'bad_request' })
})

t.test('deletions and conflicts are told', async t => {
  const pouch = open('leaves')
  const docs = ['a', 'b'].map(sig => ({ _id: 'x', _rev: `1-${sig}` }))
  await pouch.bulkDocs(docs, { new_edits: false })
  const { rev } = await pouch.put({ _id: 'gone' })
  await pouch.remove('gone', rev)
  const { results } = await pouch.changes({ style: 'all_docs', include_docs: true, conflicts: true })
  t.match(results, [
    { id: 'x', changes: [{ rev: '1-b' }, { rev: '1-a' }], doc: { _rev: '1-b', _conflicts: ['1-a'] } },
    { id: 'gone', deleted: true, doc: { _deleted: true } },
  ])
})

t.test('a live feed tells what anyone writes, until it is cancelled', async t => {
  const pouch = open('live')
  await pouch.put({ _id: 'before' })
  const seen: string[] = []
  const feed = pouch.changes({ live: true, since: 0, limit: 1 }).on('change', ({ id }) => seen.push(id))
  await eventually(() => seen.length === 1, 'what was there')
  for (let n = 0; n < 30; n++) await open('live').put({ _id: `n-${n}` })
  await store.database('live')?.write([{ kind: 'interactive', id: 'by http', deleted: false, body: '{}' }])
  await eventually(() => seen.length === 32, 'every write once')
  t.strictSame(seen, ['before', ...Array.from({ length: 30 }, (_, n) => `n-${n}`), 'by http'])
  feed.cancel()
  await feed
  await pouch.put({ _id: 'after' })
  t.equal(seen.length, 32)
})

t.test('a feed may be cancelled by the one who is told of a change', async t => {
  const pouch = open('cancelled')
  await pouch.bulkDocs(Array.from({ length: 10 }, (_, n) => ({ _id: `doc-${n}` })))
  const seen: string[] = []
  const feed = pouch.changes({ live: true, since: 0 }).on('change', ({ id }) => {
    seen.push(id)
    if (seen.length === 3) feed.cancel()
  })
  t.match(await feed, { status: 'cancelled' })
  t.equal(seen.length, 3)
})

t.test('a live feed ends when its database is deleted, whoever did it', async t => {
  const pouch = open('deleted')
  await pouch.put({ _id: 'before' })
  let seen = 0
  const feed = pouch.changes({ live: true, since: 0 }).on('change', () => seen++)
  await eventually(() => seen === 1, 'that the feed waits')
  await store.deleteDatabase('deleted')
  await store.createDatabase('deleted')
  await pouch.put({ _id: 'x' })
  t.match(await Promise.race([feed, sleep(10_000)]), { status: 'cancelled' })
  t.equal(seen, 1)
})
