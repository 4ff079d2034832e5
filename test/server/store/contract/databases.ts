import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { databaseOf, interactive, type Subject, store as storeOne } from './subject.ts'

/** Databases come, go and are listed; the update log tells of it. */
export async function databasesSuite(t: Test, { store, newDatabase }: Subject): Promise<void> {
  await t.test('a store has a uuid of 32 hex digits', async t => {
    t.match(store.uuid, /^[0-9a-f]{32}$/)
  })

  await t.test('a database is made once', async t => {
    t.equal(store.database('once'), undefined)
    const outcomes = await Promise.all([store.createDatabase('once'), store.createDatabase('once')])
    t.same(outcomes, ['created', 'exists'])
    t.same(databaseOf(store, 'once').facts(), {
      docCount: 0,
      docDelCount: 0,
      updateSeq: 0,
      activeBytes: 0,
      storedBytes: 0,
      revsLimit: 1000,
      purgeSeq: 0,
      isCompacting: false,
    })
  })

  await t.test('names are listed in byte order, in ranges', async t => {
    const names = ['n/a', 'n/b', 'n/c', 'n/d', 'n/é']
    await Promise.all(names.map(name => store.createDatabase(name)))
    const list = (range: object) =>
      store.databaseNames({ limit: 10, startKey: 'n/', endKey: 'n/\uffff', ...range })
    t.same(list({}), names)
    t.same(list({ limit: 2, skip: 1 }), ['n/b', 'n/c'])
    t.same(list({ startKey: 'n/b', endKey: 'n/d' }), ['n/b', 'n/c', 'n/d'])
    t.same(list({ startKey: 'n/b', endKey: 'n/d', inclusiveEnd: false }), ['n/b', 'n/c'])
    t.same(list({ startKey: 'n/c', endKey: 'n/a', descending: true }), ['n/c', 'n/b', 'n/a'])
    t.same(list({ limit: 0 }), [])
  })

  await t.test('a deleted database is gone at once for every handle, and its name is free', async t => {
    const database = await newDatabase()
    await storeOne(database, interactive('a'))
    await database.writeLocalDoc('log', undefined, '{}')
    const { name } = database
    const old = database.sequence(1)
    t.equal(await store.deleteDatabase(name), true)
    t.equal(await store.deleteDatabase(name), false)
    t.equal(store.database(name), undefined)
    t.throws(() => database.facts(), { name: 'CouchError', word: 'not_found' })
    t.throws(() => database.changes({ after: 0, limit: 1 }), { name: 'CouchError', word: 'not_found' })
    await t.rejects(database.write([interactive('b')]), { name: 'CouchError', word: 'not_found' })
    await t.rejects(database.writeLocalDoc('log', '0-1', '{}'), { name: 'CouchError', word: 'not_found' })

    await store.createDatabase(name)
    const anew = databaseOf(store, name)
    t.equal(anew.doc('a'), undefined)
    t.equal(anew.localDoc('log'), undefined)
    t.same(anew.place(old), { n: 0, rewound: true }, 'a sequence of its predecessor leads to the beginning')
    t.same(anew.changes({ after: 0, limit: 9 }), [])
  })

  await t.test('a write and the deletion of its database can be on their way together', async t => {
    const database = await newDatabase()
    const writes = [1, 2, 3].map(n => database.write([interactive(`doc${n}`)]))
    const deletion = store.deleteDatabase(database.name)
    const late = database.write([interactive('late')])
    await Promise.all(writes)
    t.equal(await deletion, true)
    await t.rejects(late, { name: 'CouchError', word: 'not_found' })
  })

  await t.test('who waits for changes of a database is called when it is deleted', async t => {
    const database = await newDatabase()
    const gone = new Promise<unknown>(resolve => {
      database.onChange(() => {
        try {
          resolve(database.facts())
        } catch (error) {
          resolve(error)
        }
      })
    })
    await store.deleteDatabase(database.name)
    t.match(await gone, { word: 'not_found' })
  })

  await t.test('the update log has one entry for each database, at its last change', async t => {
    const from = store.updatesPlace('now').place
    const read = () => store.dbUpdates({ after: from, limit: 100 }).map(({ name, type }) => `${name} ${type}`)
    await store.createDatabase('log-a')
    await store.createDatabase('log-b')
    t.same(read(), ['log-a created', 'log-b created'])
    await storeOne(databaseOf(store, 'log-a'), interactive('x'))
    t.same(read(), ['log-b created', 'log-a updated'])
    await store.deleteDatabase('log-b')
    t.same(read(), ['log-a updated', 'log-b deleted'])
    t.same(store.dbUpdates({ after: from, limit: 1 }).length, 1)
    const last = store.updatesPlace('now').place
    t.same(store.updatesPlace(store.updatesSequence(last)), { place: last, rewound: false })
  })

  await t.test('the update log is read from each of its entries on, in pages of any size', async t => {
    const from = store.updatesPlace('now').place
    const names = userNames(20, 'updates')
    await Promise.all(names.map(name => store.createDatabase(name)))
    for (const limit of [1, 2, 7, 100]) {
      const told: string[] = []
      for (let place = from; told.length <= names.length; ) {
        const page = store.dbUpdates({ after: place, limit })
        if (page.length === 0) break
        t.ok(page.length <= limit)
        told.push(...page.map(({ name }) => name))
        const sequence = store.updatesSequence(page.at(-1)?.place ?? [])
        t.match(sequence, /^\d+-[0-9a-z]+$/)
        const again = store.updatesPlace(sequence)
        t.same(again, { place: page.at(-1)?.place, rewound: false })
        place = again.place
      }
      t.same(told.sort(), [...names].sort(), 'each once')
    }
    t.same(store.dbUpdates({ after: store.updatesPlace('now').place, limit: 1 }), [])
    t.same(store.updatesPlace('99-ffff'), { place: store.updatesPlace('0').place, rewound: true })
  })

  await t.test('names of all users are one list, whatever part of it is asked for', async t => {
    const prefix = 'userdb-1157'
    const names = userNames(60, 'listed').map(name => name.replace('userdb-', prefix))
    names.push(`${prefix}-metrics`, `${prefix}\uffff`, `${prefix}\u{1f600}`, `${prefix}zz`)
    await Promise.all(names.map(name => store.createDatabase(name)))
    const sorted = names
      .map(name => Buffer.from(name))
      .sort(Buffer.compare)
      .map(String)
    const all = { startKey: prefix, endKey: `${prefix}\u{10ffff}`, limit: 1000 }
    t.same(store.databaseNames(all), sorted)
    const backwards = { startKey: all.endKey, endKey: prefix, limit: 1000, descending: true }
    t.same(store.databaseNames(backwards), sorted.toReversed())
    for (const skip of [0, 1, 7, 63, 64, 100]) {
      for (const limit of [0, 1, 5, 64, 100]) {
        const what = `${limit} after ${skip}`
        t.same(store.databaseNames({ ...all, skip, limit }), sorted.slice(skip, skip + limit), what)
        t.same(
          store.databaseNames({ ...backwards, skip, limit }),
          sorted.toReversed().slice(skip, skip + limit),
          `${what}, descending`,
        )
      }
    }
    const [startKey, endKey] = [sorted[10], sorted[50]]
    t.same(store.databaseNames({ ...all, startKey, endKey }), sorted.slice(10, 51))
    const outside = { inclusiveStart: false, inclusiveEnd: false }
    t.same(store.databaseNames({ ...all, startKey, endKey, ...outside }), sorted.slice(11, 50))
    await Promise.all(names.map(name => store.deleteDatabase(name)))
    t.same(store.databaseNames(all), [])
  })

  await t.test('a refused or empty write is no update', async t => {
    const database = await newDatabase()
    await storeOne(database, interactive('x'))
    const before = store.updatesPlace('now')
    await database.write([interactive('x')])
    t.same(await database.write([]), [])
    t.same(store.updatesPlace('now'), before)
  })

  await t.test('listeners of the update log are called after each commit until they stop', async t => {
    let calls = 0
    const stop = store.onDbUpdate(() => calls++)
    const writing = store.createDatabase('listened')
    t.equal(calls, 0, 'never synchronously')
    await writing
    await turn()
    t.equal(calls, 1)
    stop()
    await store.deleteDatabase('listened')
    await turn()
    t.equal(calls, 1)
  })
}

/** Names as users' databases have them. */
function userNames(count: number, seed: string): string[] {
  return Array.from({ length: count }, (_, n) => {
    return `userdb-${createHash('md5').update(`${seed}${n}`).digest('hex')}`
  })
}
