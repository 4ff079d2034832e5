import t from 'tap'
import { divanPouch } from '../../fixtures/divan-pouch.ts'

t.test('documents are written, read, changed and removed', async t => {
  const { open, store } = await divanPouch(t)
  const pouch = open('a')
  const put = await pouch.put({ _id: 'x', text: 'é😀', deep: { list: [null, 1.5] } })
  t.match(put, { ok: true, id: 'x', rev: /^1-/ })
  t.strictSame(await pouch.get('x'), { _id: 'x', _rev: put.rev, text: 'é😀', deep: { list: [null, 1.5] } })
  await t.rejects(pouch.put({ _id: 'x' }), { name: 'conflict' })
  const { rev } = await pouch.put({ _id: 'x', _rev: put.rev, text: 'two' })
  t.match(await pouch.get('x', { revs: true, revs_info: true }), {
    text: 'two',
    _revisions: { start: 2, ids: [rev.slice(2), put.rev.slice(2)] },
    _revs_info: [{ rev }, { rev: put.rev }],
  })
  await pouch.remove('x', rev)
  await t.rejects(pouch.get('x'), { name: 'not_found', message: 'missing' })
  await t.rejects(pouch.get('y'), { name: 'not_found' })
  t.match(await pouch.info(), { db_name: 'a', doc_count: 0, adapter: 'divan' })
  t.equal(store.database('a')?.facts().docDelCount, 1, 'it is the store’s own database')
})
