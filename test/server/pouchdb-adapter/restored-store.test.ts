import { copyFile } from 'node:fs/promises'
import PouchDB from 'pouchdb-node'
import t from 'tap'
import { openStore } from '../../../server/store/sqlite/open-store.ts'
import { pouchOn } from '../../fixtures/divan-pouch.ts'
import type { Content } from '../../fixtures/phone.ts'

t.test('a sequence of a lost future misses nothing, and the replication logs are dropped', async t => {
  const folder = t.testdir()
  const [file, copy] = [`${folder}/store.db`, `${folder}/copy.db`]
  const level: PouchDB.Database<Content> = new PouchDB(`${folder}/level`)
  t.teardown(() => level.close())
  let store = await openStore({ file })
  t.teardown(() => store.close())
  await pouchOn(store, 'a').bulkDocs([{ _id: 'one' }, { _id: 'two' }])
  await pouchOn(store, 'a').replicate.to(level)
  await store.close()
  await copyFile(file, copy)

  store = await openStore({ file })
  await pouchOn(store, 'a').bulkDocs([{ _id: 'lost' }, { _id: 'lost too' }])
  await pouchOn(store, 'a').replicate.to(level)
  const { last_seq } = await pouchOn(store, 'a').changes({})
  await store.close()

  await copyFile(copy, file)
  store = await openStore({ file })
  const pouch = pouchOn(store, 'a')
  await pouch.put({ _id: 'new' })
  t.equal(logs(), 1)
  t.match(await pouch.changes({ since: last_seq }), {
    results: [{ id: 'one' }, { id: 'two' }, { id: 'new' }],
  })
  t.equal(logs(), 0)
  await pouch.replicate.to(level)
  t.match(await level.get('new'), { _id: 'new' })
  await pouch.replicate.from(level)
  t.equal((await pouch.info()).doc_count, 5, 'what was lost comes back from where it was kept')

  function logs(): number | undefined {
    return store.database('a')?.localDocs({ withBodies: false, limit: 10 }).length
  }
})
