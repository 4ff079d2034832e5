import PouchDB from 'pouchdb-node'
import t from 'tap'
import { divanPouchDB } from '../../../server/pouchdb-adapter/divan-adapter.ts'
import { divanPouch, pouchOn } from '../../fixtures/divan-pouch.ts'
import { eventually } from '../../fixtures/eventually.ts'

const { open, store } = await divanPouch(t)

t.test('documents are written, read, changed and removed', async t => {
  const pouch = open('first')
  const put = await pouch.put({ _id: 'x', text: 'é😀\u0000', deep: { list: [null, 1.5] } })
  t.match(put, { ok: true, id: 'x', rev: /^1-/ })
  t.strictSame(await pouch.get('x'), {
    _id: 'x',
    _rev: put.rev,
    text: 'é😀\u0000',
    deep: { list: [null, 1.5] },
  })
  await t.rejects(pouch.put({ _id: 'x' }), { name: 'conflict' })
  const { rev } = await pouch.put({ _id: 'x', _rev: put.rev, text: 'two' })
  t.match(await pouch.get('x', { revs: true, revs_info: true }), {
    text: 'two',
    _revisions: { start: 2, ids: [rev.slice(2), put.rev.slice(2)] },
    _revs_info: [{ rev }, { rev: put.rev }],
  })
  await pouch.remove('x', rev)
  const gone = await pouch.get('x').catch(error => error)
  t.match(gone, { status: 404, name: 'not_found', reason: 'deleted' })
  const never = await pouch.get('y').catch(error => error)
  t.match(never, { status: 404, name: 'not_found', reason: 'missing' })
  t.match(await pouch.info(), { db_name: 'first', doc_count: 0, adapter: 'divan', update_seq: /^3-/ })
  t.equal(store.database('first')?.facts().docDelCount, 1, 'it is the store’s own database')
})

t.test('conflicts are listed, and every leaf can be read', async t => {
  const pouch = open('conflicts')
  const docs = ['a', 'b', 'c'].map(sig => ({
    _id: 'x',
    _rev: `2-${sig}`,
    _revisions: { start: 2, ids: [sig, 'root'] },
    sig,
  }))
  await pouch.bulkDocs(docs, { new_edits: false })
  t.match(await pouch.get('x', { conflicts: true }), { _rev: '2-c', _conflicts: ['2-b', '2-a'] })
  const leaves = await pouch.get('x', { open_revs: 'all', revs: true })
  t.strictSame(leaves.map(leaf => ('ok' in leaf ? leaf.ok._rev : '')).sort(), ['2-a', '2-b', '2-c'])
  const listed = await pouch.allDocs({ include_docs: true, conflicts: true, keys: ['x'] })
  t.match(listed.rows, [{ doc: { _conflicts: ['2-b', '2-a'] } }])
  await pouch.remove('x', '2-c')
  t.match(await pouch.get('x', { conflicts: true }), { _rev: '2-b', _conflicts: ['2-a'] })
})

t.test('what the server could not give out is not taken in', async t => {
  const pouch = open('refused')
  await t.rejects(pouch.put({ _id: '_odd' }), { name: 'bad_request' })
  await t.rejects(pouch.put({ _id: 'x', _odd: 1 }), { name: 'doc_validation' })
  await t.rejects(pouch.put({ _id: 'half \ud800' }), { name: 'illegal_docid' })
  const brought = [
    { _id: 'bad', _rev: '1-"quoted"' },
    { _id: 'good', _rev: '1-a' },
  ]
  const rows = await pouch.bulkDocs(brought, { new_edits: false })
  t.match(rows, [{ id: 'bad', name: 'forbidden', error: true }], 'told as replication can live with it')
  t.match(await pouch.get('good'), { _rev: '1-a' })
})

t.test('limits are those that the constructor was given', async t => {
  const Pouch = divanPouchDB(PouchDB, store, { maxDocumentBytes: 50, maxAttachmentBytes: 3 })
  const pouch = new Pouch<{ text?: string }>('limits', { adapter: 'divan' })
  await pouch.put({ _id: 'small' })
  await t.rejects(pouch.put({ _id: 'large', text: 'x'.repeat(50) }), { name: 'document_too_large' })
})

t.test('documents by id: ranges, keys, bodies', async t => {
  const pouch = open('ranges')
  const ids = Array.from({ length: 1200 }, (_, n) => `doc-${String(n).padStart(4, '0')}`)
  await pouch.bulkDocs(ids.map((_id, n) => ({ _id, n })))
  const all = await pouch.allDocs({ include_docs: true })
  t.strictSame(
    all.rows.map(row => row.id),
    ids,
    'over many pages',
  )
  t.equal(all.rows[1199]?.doc?.n, 1199)
  const range = { startkey: 'doc-0700', endkey: 'doc-0010', descending: true, skip: 2, limit: 600 }
  const part = await pouch.allDocs(range)
  t.match(part, { total_rows: 1200, rows: { length: 600, 0: { id: 'doc-0698' }, 599: { id: 'doc-0099' } } })
  t.equal(
    (await pouch.allDocs({ startkey: 'doc-1198', endkey: 'doc-1199', inclusive_end: false })).rows.length,
    1,
  )
  await pouch.remove(await pouch.get('doc-0003'))
  t.match(await pouch.allDocs({ keys: ['doc-0003', 'none', 'doc-0001'] }), {
    rows: [{ value: { deleted: true }, doc: null }, { key: 'none', error: 'not_found' }, { id: 'doc-0001' }],
  })
  t.match(await pouch.allDocs({ key: 'doc-0003' }), { rows: { length: 0 } })
})

t.test('local documents have a life of their own', async t => {
  const pouch = open('local')
  const { rev } = await pouch.put({ _id: '_local/x', n: 1 })
  t.strictSame(await pouch.get('_local/x'), { _id: '_local/x', _rev: rev, n: 1 })
  await t.rejects(pouch.put({ _id: '_local/x', n: 2 }), { name: 'conflict' })
  await pouch.remove('_local/x', rev)
  await t.rejects(pouch.get('_local/x'), { name: 'not_found' })
  t.equal((await pouch.info()).doc_count, 0)
})

t.test('one PouchDB serves several stores', async t => {
  const other = await divanPouch(t)
  await open('shared').put({ _id: 'x' })
  t.equal((await other.open('shared').info()).doc_count, 0)
  const http = new PouchDB('http://127.0.0.1:1/a', { skip_setup: true })
  t.match(http, { adapter: 'http' }, 'other adapters are as they were')
  t.throws(() => new PouchDB('a', { adapter: 'divan' }), /divanPouchDB/)
})

t.test('a database is made at its first use, found again, compacted, purged and destroyed', async t => {
  const Pouch = divanPouchDB(PouchDB, store)
  await t.rejects(new Pouch('whole', { adapter: 'divan', skip_setup: true }).info(), { name: 'not_found' })
  const pouch = open('whole')
  const first = await pouch.put({ _id: 'x' })
  const second = await pouch.put({ _id: 'x', _rev: first.rev, n: 2 })
  await pouch.compact()
  await t.rejects(pouch.get('x', { rev: first.rev }), { name: 'not_found' })
  t.match(await open('whole').get('x'), { _rev: second.rev, n: 2 })
  const brought = ['1-a', '1-b', '1-c'].map(_rev => ({ _id: 'y', _rev }))
  await pouch.bulkDocs(brought, { new_edits: false })
  for (const rev of ['1-a', '1-c']) t.match(await purge(pouch, 'y', rev), { ok: true, deletedRevs: [rev] })
  t.match(await pouch.get('y', { conflicts: true, revs: true }), { _rev: '1-b', _conflicts: undefined })
  await t.rejects(purge(pouch, 'y', '1-a'), { name: 'not_found' })
  await t.rejects(purge(pouch, 'x', first.rev), { name: 'bad_request' })
  await pouch.destroy()
  t.equal(store.database('whole'), undefined)
})

t.test('no database is made whose name HTTP refuses', async t => {
  for (const name of [
    'me',
    'me-metrics',
    'api',
    '_all_dbs',
    'x/../y',
    'A"b\n<',
    '__proto__',
    '1a',
    `a${'b'.repeat(238)}`,
  ]) {
    await t.rejects(open(name).info(), { status: 400, name: 'illegal_database_name', message: /^Name: / })
    t.equal(store.database(name), undefined)
  }
  t.match(await open('_users').info(), { doc_count: 0 })
  t.match(await open('recipes/old').info(), { db_name: 'recipes/old' })
})

t.test('old revisions go where the constructor asks for it', async t => {
  const Pouch = divanPouchDB(PouchDB, store)
  const pouch = new Pouch<{ n: number }>('thrifty', {
    adapter: 'divan',
    auto_compaction: true,
    revs_limit: 3,
  })
  const revs = ['']
  for (let n = 0; n < 6; n++) {
    const parent = n === 0 ? {} : { _rev: revs[n] ?? '' }
    revs.push((await pouch.put({ _id: 'x', n, ...parent })).rev)
  }
  await t.rejects(pouch.get('x', { rev: revs[5] ?? '' }), { name: 'not_found' })
  const { _revisions } = await pouch.get('x', { revs: true })
  t.equal(_revisions?.ids.length, 3)
  t.match(await pouch.info(), { auto_compaction: true })
})

t.test('close and destroy end what is open, and the store goes on', async t => {
  const pouches = Array.from({ length: 20 }, () => open('closing'))
  let ended = 0
  for (const pouch of pouches) pouch.changes({ live: true, since: 'now' }).on('complete', () => ended++)
  await Promise.all(pouches.map(pouch => pouch.info()))
  await Promise.all(pouches.map(pouch => pouch.close()))
  await eventually(() => ended === 20, 'the end of every feed')
  await t.rejects(Promise.resolve(pouches[0]?.info()), { message: 'database is closed' })
  const again = pouchOn(store, 'closing')
  await again.put({ _id: 'x' })
  again.changes({ live: true }).on('complete', () => ended++)
  await again.destroy()
  await eventually(() => ended === 21, 'the end of the last feed')
  t.equal(store.database('closing'), undefined)
})

type Purge = { purge(id: string, rev: string): Promise<object> }

/** PouchDB's types do not know `purge`. */
function purge(pouch: object, id: string, rev: string): Promise<object> {
  return (pouch as Purge).purge(id, rev)
}
