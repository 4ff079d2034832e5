import type { Test } from 'tap'
import type { Database } from '../../../../server/store/store.ts'
import { bodyOf, interactive, replicated, type Subject, store as storeOne } from './subject.ts'

const text = (name: string, data: string) => ({ name, contentType: 'text/plain', data: Buffer.from(data) })

/** Revisions are forgotten as if they had never been. */
export async function purgeSuite(t: Test, { store, newDatabase }: Subject): Promise<void> {
  await t.test('a document without a leaf is gone, and can be made from scratch', async t => {
    const database = await newDatabase()
    const first = await storeOne(
      database,
      interactive('a', undefined, { attachments: [text('x', 'abc')], body: '{"n":1}' }),
    )
    const second = await storeOne(database, interactive('a', first))
    await storeOne(database, interactive('b'))
    t.same(await purge(database, 'a', [second]), { a: [second] })
    t.equal(database.doc('a'), undefined)
    t.same(
      database.changes({ after: 0, limit: 9 }).map(({ id }) => id),
      ['b'],
    )
    t.match(database.facts(), { docCount: 1, docDelCount: 0, activeBytes: 2, storedBytes: 2, purgeSeq: 1 })
    t.equal(database.pending(0), 1)
    t.same(database.revsDiff(new Map([['a', [first]]])).get('a')?.missing, [first])
    t.match(
      await storeOne(
        database,
        interactive('a', undefined, { attachments: [text('x', 'abc')], body: '{"n":1}' }),
      ),
      first,
      'the same edit makes the same rev',
    )
    t.equal(database.facts().storedBytes, 2 + 7 + 3)
  })

  await t.test(
    'of a branched document the branch goes up to where it parted, and another leaf may win',
    async t => {
      const database = await newDatabase()
      await database.write([
        replicated('a', ['1-a'], { body: '{"root":1}' }),
        replicated('a', ['2-b', 'a'], { body: '{"b":1}' }),
        replicated('a', ['3-c', 'b', 'a'], { body: '{"c":1}' }),
        replicated('a', ['2-x', 'a'], { body: '{"longer":1}' }),
      ])
      let calls = 0
      database.onChange(() => calls++)
      t.same(await purge(database, 'a', ['3-c', '2-b', '7-unknown']), { a: ['3-c'] })
      const doc = database.doc('a')
      t.same(doc?.tree.leaves(), [{ rev: '2-x', deleted: false }])
      t.same(
        ['3-c', '2-b', '1-a'].map(rev => doc?.tree.has(rev)),
        [false, false, true],
      )
      t.equal(bodyOf(database, 'a'), '{"longer":1}')
      t.match(database.changes({ after: 4, limit: 9 }), [{ n: 5, id: 'a', rev: '2-x', leaves: undefined }])
      t.match(database.facts(), { docCount: 1, activeBytes: 12, storedBytes: 22, updateSeq: 5, purgeSeq: 1 })
      t.equal(calls, 1, 'it is a change')
    },
  )

  await t.test('what is no leaf, not known or not there is not in the answer', async t => {
    const database = await newDatabase()
    const first = await storeOne(database, interactive('a'))
    await storeOne(database, interactive('a', first))
    const facts = database.facts()
    const answer = await database.purge(
      new Map([
        ['a', [first, '9-z']],
        ['never', ['1-a']],
        ['b', []],
      ]),
    )
    t.same([...answer], [])
    t.same(database.facts(), facts)
  })

  await t.test('a deleted document that wins again or for the first time is counted as it is', async t => {
    const database = await newDatabase()
    const lastLive = () => database.changes({ after: 0, limit: 1, withLastLive: true })[0]?.lastLive?.body
    await database.write([
      replicated('a', ['1-a'], { body: '{"n":1}' }),
      replicated('a', ['2-b', 'a'], { deleted: true, body: '{"gone":1}' }),
      replicated('a', ['2-x', 'a'], { body: '{"secret":1}' }),
    ])
    t.match(database.facts(), { docCount: 1, docDelCount: 0 })
    await purge(database, 'a', ['2-x'])
    t.match(database.facts(), { docCount: 0, docDelCount: 1, activeBytes: 10, storedBytes: 17 })
    t.equal(lastLive(), '{"n":1}', 'the nearest live ancestor, not what was purged')
    await purge(database, 'a', ['2-b'])
    t.match(database.facts(), { docCount: 0, docDelCount: 0, activeBytes: 0, storedBytes: 0, purgeSeq: 2 })
  })

  await t.test(
    'the last live body goes with its document, also where stemming had forgotten its rev',
    async t => {
      const database = await newDatabase()
      await database.setRevsLimit(1)
      const first = await storeOne(database, interactive('a', undefined, { body: '{"secret":1}' }))
      const tombstone = await storeOne(database, interactive('a', first, { deleted: true }))
      t.equal(database.facts().storedBytes, 14)
      await purge(database, 'a', [tombstone])
      t.equal(database.facts().storedBytes, 0)
    },
  )

  await t.test(
    'after compaction, too, the last live body goes with its revision and with no other',
    async t => {
      const database = await newDatabase()
      const lastLive = () => database.changes({ after: 0, limit: 1, withLastLive: true })[0]?.lastLive?.body
      await database.write([
        replicated('a', ['4-d', 'c', 'b', 'a'], { deleted: true, body: '{}' }),
        replicated('a', ['2-y', 'a'], { deleted: true, body: '{}' }),
        replicated('a', ['2-x', 'a'], { body: '{"secret":1}' }),
        replicated('a', ['3-x', 'x', 'a'], { deleted: true, body: '{}' }),
      ])
      await database.compact()
      t.equal(lastLive(), '{"secret":1}')
      await purge(database, 'a', ['2-y'])
      t.equal(lastLive(), '{"secret":1}')
      await purge(database, 'a', ['3-x'])
      t.equal(lastLive(), undefined)
      t.equal(database.facts().storedBytes, 2)
    },
  )

  await t.test('many at once, in one list, and none of another database', async t => {
    const [one, other] = [await newDatabase(), await newDatabase()]
    const edits = Array.from({ length: 50 }, (_, n) => interactive(`doc:${n}`))
    const written = await one.write(edits)
    await other.write(edits)
    const revs = new Map(written.map(outcome => [outcome.id, [outcome.ok ? outcome.rev : '']]))
    const updates = store.updatesPlace('now')
    t.same(await one.purge(revs), revs)
    t.match(one.facts(), { docCount: 0, storedBytes: 0, updateSeq: 50, purgeSeq: 50 })
    t.equal(other.facts().docCount, 50)
    t.same(store.updatesPlace('now'), updates, 'no feed tells of what is gone')
  })
}

async function purge(database: Database, id: string, revs: readonly string[]): Promise<object> {
  return Object.fromEntries(await database.purge(new Map([[id, revs]])))
}
