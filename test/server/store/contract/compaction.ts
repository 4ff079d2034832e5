import type { Test } from 'tap'
import type { Database } from '../../../../server/store/store.ts'
import { bodyOf, databaseOf, interactive, replicated, type Subject, store as storeOne } from './subject.ts'

const COMPACTION_FLOOR_BYTES = 4 * 1024 * 1024

/** Old bodies go; what documents are, and what feeds tell of them, stays. */
export async function compactionSuite(t: Test, { store, newDatabase }: Subject): Promise<void> {
  await t.test('only leaves keep their bodies; the others are known by name', async t => {
    const database = await newDatabase()
    const first = await storeOne(database, interactive('a', undefined, { body: '{"n":1}' }))
    const second = await storeOne(database, interactive('a', first, { body: '{"n":2}' }))
    const third = await storeOne(database, interactive('a', second, { body: '{"n":3}' }))
    await database.compact()
    t.equal(bodyOf(database, 'a', first), undefined)
    t.equal(bodyOf(database, 'a', second), undefined)
    t.equal(bodyOf(database, 'a'), '{"n":3}')
    t.same(database.doc('a')?.tree.revsInfo(third), [
      { rev: third, status: 'available' },
      { rev: second, status: 'missing' },
      { rev: first, status: 'missing' },
    ])
    t.equal(database.revsDiff(new Map([['a', [first, second, third]]])).size, 0)
    t.match(database.facts(), { storedBytes: 7, activeBytes: 7, isCompacting: false })
  })

  await t.test('an old revision that is sent again nevertheless is stored, and stays no leaf', async t => {
    const database = await newDatabase()
    await database.write([replicated('a', ['1-a'], { body: '{"n":1}' }), replicated('a', ['2-b', 'a'])])
    await database.compact()
    t.equal(database.revsDiff(new Map([['a', ['1-a']]])).size, 0, 'nobody is asked for it')
    await storeOne(database, replicated('a', ['1-a'], { body: '{"n":1}' }))
    t.equal(bodyOf(database, 'a', '1-a'), '{"n":1}')
    t.same(database.doc('a')?.tree.leaves(), [{ rev: '2-b', deleted: false }])
    t.match(database.facts(), { updateSeq: 3, docCount: 1, storedBytes: 9, activeBytes: 2 })
    await database.compact()
    t.match(database.facts(), { updateSeq: 3, storedBytes: 2 })
  })

  await t.test('every branch keeps its tip, tombstones too', async t => {
    const database = await newDatabase()
    await database.write([
      replicated('a', ['1-a'], { body: '{"root":1}' }),
      replicated('a', ['2-b', 'a'], { body: '{"b":1}' }),
      replicated('a', ['2-c', 'a'], { body: '{"c":1}' }),
      replicated('a', ['3-d', 'c', 'a'], { body: '{"d":1}', deleted: true }),
    ])
    const leaves = database.doc('a')?.tree.leaves()
    await database.compact()
    t.same(database.doc('a')?.tree.leaves(), leaves)
    const bodies = ['1-a', '2-b', '2-c', '3-d'].map(rev => bodyOf(database, 'a', rev))
    t.same(bodies, [undefined, '{"b":1}', undefined, '{"d":1}'])
  })

  await t.test('a deleted document keeps its last live body, and no older one', async t => {
    const database = await newDatabase()
    const lastLive = () => database.changes({ after: 0, limit: 1, withLastLive: true })[0]?.lastLive?.body
    const first = await storeOne(database, interactive('a', undefined, { body: '{"n":1}' }))
    const second = await storeOne(database, interactive('a', first, { body: '{"n":2}' }))
    await storeOne(database, interactive('a', second, { deleted: true }))
    await database.compact()
    t.equal(lastLive(), '{"n":2}')
    t.same([bodyOf(database, 'a', first), bodyOf(database, 'a', second)], [undefined, undefined])
    t.equal(database.facts().storedBytes, '{"n":2}'.length + '{}'.length)
    await storeOne(database, interactive('a', undefined, { body: '{"n":4}' }))
    await database.compact()
    t.equal(database.facts().storedBytes, 7, 'it goes once the document lives again')
  })

  await t.test('attachments go with the last body that names them', async t => {
    const database = await newDatabase()
    const add = (name: string, text: string) => ({
      name,
      contentType: 'text/plain',
      data: Buffer.from(text),
    })
    const first = await storeOne(
      database,
      interactive('a', undefined, { attachments: [add('old', 'old'), add('kept', 'kept')] }),
    )
    await storeOne(
      database,
      interactive('a', first, { attachments: [{ name: 'kept', contentType: 'text/plain' }] }),
    )
    const [row] = database.docs({ limit: 1, withBodies: true })
    const [kept] = row?.revision?.attachments ?? []
    t.equal(database.facts().storedBytes, 2 * '{}'.length + 'oldkept'.length)
    await database.compact()
    t.equal(database.facts().storedBytes, '{}'.length + 'kept'.length)
    t.equal(database.attachment('md5-FJ4UaQ1M+A2sNIwdQMCVog=='), undefined)
    t.equal(database.attachment(kept?.digest ?? '')?.length, 4)
  })

  await t.test('no feed tells of it', async t => {
    const database = await newDatabase()
    await edit(database, 'a', 5)
    await edit(database, 'b', 2)
    const rows = database.changes({ after: 0, limit: 9 })
    const updates = store.updatesPlace('now')
    database.onChange(() => t.fail('nothing changed'))
    await database.compact()
    t.same(database.changes({ after: 0, limit: 9 }), rows)
    t.same(store.updatesPlace('now'), updates)
    t.equal(database.facts().updateSeq, 7)
  })

  await t.test('two may ask at once, for the same and for different databases', async t => {
    const [one, other] = [await newDatabase(), await newDatabase()]
    await Promise.all([edit(one, 'a', 3), edit(other, 'a', 3)])
    await Promise.all([one.compact(), other.compact(), one.compact()])
    t.same([one.facts().storedBytes, other.facts().storedBytes], [7, 7])
    await one.compact()
    t.equal(one.facts().isCompacting, false, 'nothing to do is an end, too')
    const empty = await newDatabase()
    await empty.compact()
  })

  await t.test('documents that change while it goes on are whole, and compacted by the next one', async t => {
    const database = await newDatabase()
    const ids = Array.from({ length: 600 }, (_, n) => `doc:${n}`)
    for (let n = 0; n < 3; n++) await editAll(database, ids, n)
    const compaction = database.compact()
    for (let n = 3; n < 6; n++) await editAll(database, ids, n)
    await compaction
    t.same(
      database.docs({ limit: 1000, withBodies: true }).map(({ revision }) => revision?.body),
      ids.map(() => '{"n":5}'),
    )
    await database.compact()
    t.equal(database.facts().storedBytes, ids.length * '{"n":5}'.length)
  })

  await t.test('a document of thousands of revisions is compacted', async t => {
    const database = await newDatabase()
    let parent: string | undefined
    for (let n = 0; n < 900; n++) parent = await storeOne(database, interactive('a', parent))
    await database.compact()
    t.equal(database.facts().storedBytes, 2)
    t.equal(database.doc('a')?.tree.revisions(parent ?? '')?.ids.length, 900)
  })

  await t.test('it begins by itself where the old bodies outweigh the rest', async t => {
    const database = await newDatabase()
    const body = JSON.stringify({ text: 'x'.repeat(100_000) })
    let parent: string | undefined
    let most = 0
    for (let n = 0; n < 150; n++) {
      parent = await storeOne(database, interactive('a', parent, { body }))
      most = Math.max(most, database.facts().storedBytes)
    }
    t.ok(most >= COMPACTION_FLOOR_BYTES, `${most} bytes are not worth it`)
    t.ok(most < 2 * COMPACTION_FLOOR_BYTES, `${most} bytes are`)
  })

  await t.test('the end of the database is the end of its compaction', async t => {
    const database = await newDatabase()
    for (let n = 0; n < 6; n++)
      await editAll(
        database,
        Array.from({ length: 500 }, (_, id) => `${id}`),
        n,
      )
    const compaction = database.compact()
    const deletion = store.deleteDatabase(database.name)
    await t.rejects(compaction, { name: 'CouchError', word: 'not_found' })
    t.equal(await deletion, true)
    await t.rejects(database.compact(), { name: 'CouchError', word: 'not_found' })
    await store.createDatabase(database.name)
    await databaseOf(store, database.name).compact()
  })
}

async function edit(database: Database, id: string, times: number): Promise<void> {
  let parent: string | undefined
  for (let n = 0; n < times; n++)
    parent = await storeOne(database, interactive(id, parent, { body: `{"n":${n}}` }))
}

async function editAll(database: Database, ids: readonly string[], n: number): Promise<void> {
  const body = `{"n":${n}}`
  await database.write(ids.map(id => interactive(id, database.doc(id)?.tree.winner.rev, { body })))
}
