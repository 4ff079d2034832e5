import type { Test } from 'tap'
import type { ChangesQuery, DocsQuery } from '../../../../server/store/store.ts'
import { bodyOf, interactive, replicated, type Subject, store } from './subject.ts'

/** Pages of documents and of the feed, and what a peer's revisions are missing. */
export async function readsSuite(t: Test, { newDatabase }: Subject): Promise<void> {
  await t.test('live documents are listed by id in byte order, in ranges', async t => {
    const database = await newDatabase()
    await database.write(
      ['d', 'b', 'B', 'a', 'é', 'c'].map(id => interactive(id, undefined, { body: `{"i":"${id}"}` })),
    )
    await store(database, interactive('c', database.doc('c')?.tree.winner.rev, { deleted: true }))
    const ids = (query: Partial<DocsQuery>) =>
      database.docs({ limit: 10, withBodies: false, ...query }).map(({ id }) => id)
    t.same(ids({}), ['B', 'a', 'b', 'd', 'é'])
    t.same(ids({ descending: true }), ['é', 'd', 'b', 'a', 'B'])
    t.same(ids({ startKey: 'a', endKey: 'd' }), ['a', 'b', 'd'])
    t.same(ids({ startKey: 'a', endKey: 'd', inclusiveEnd: false }), ['a', 'b'])
    t.same(ids({ startKey: 'd', endKey: 'a', descending: true }), ['d', 'b', 'a'])
    t.same(ids({ skip: 1, limit: 2 }), ['a', 'b'])
    t.same(ids({ limit: 0 }), [])
    t.equal(database.offset({}), 0)
    t.equal(database.offset({ startKey: 'b' }), 2)
    t.equal(database.offset({ startKey: 'b', descending: true }), 2)
    const [row] = database.docs({ limit: 1, withBodies: true, startKey: 'd' })
    t.match(row, {
      id: 'd',
      seq: 1,
      rev: row?.revision?.rev,
      revision: { deleted: false, body: '{"i":"d"}' },
    })
    t.equal(database.docs({ limit: 1, withBodies: false })[0]?.revision, undefined)
  })

  await t.test('a page of bodies ends after about a mebibyte', async t => {
    const database = await newDatabase()
    const body = JSON.stringify({ text: 'x'.repeat(300_000) })
    await database.write(['a', 'b', 'c', 'd', 'e', 'f'].map(id => interactive(id, undefined, { body })))
    t.equal(database.docs({ limit: 100, withBodies: true }).length, 4)
    t.equal(database.changes({ after: 0, limit: 100, withBodies: true }).length, 4)
    t.equal(database.changes({ after: 0, limit: 100 }).length, 6)
    const huge = JSON.stringify({ text: 'x'.repeat(3_000_000) })
    await store(database, interactive('huge', undefined, { body: huge }))
    t.equal(
      database.changes({ after: 6, limit: 100, withBodies: true })[0]?.revision?.body,
      huge,
      'at least one row',
    )
  })

  await t.test('the feed has each document once, at its last change', async t => {
    const database = await newDatabase()
    const revs = await Promise.all(['a', 'b', 'c'].map(id => store(database, interactive(id))))
    await store(database, interactive('a', revs[0]))
    await store(database, interactive('b', revs[1], { deleted: true }))
    const ids = (query: Partial<ChangesQuery>) =>
      database.changes({ after: 0, limit: 10, ...query }).map(({ n, id }) => `${n} ${id}`)
    t.same(ids({}), ['3 c', '4 a', '5 b'])
    t.same(ids({ after: 3 }), ['4 a', '5 b'])
    t.same(ids({ after: 5 }), [])
    t.same(ids({ limit: 2 }), ['3 c', '4 a'])
    t.same(ids({ limit: 0 }), [])
    t.same(ids({ descending: true, after: Number.POSITIVE_INFINITY }), ['5 b', '4 a', '3 c'])
    t.same(ids({ descending: true, after: 5, limit: 1 }), ['4 a'])
    t.same(ids({ ids: new Set(['c', 'b', 'nothing']) }), ['3 c', '5 b'])
    t.same(ids({ ids: new Set() }), [])
    const [, , row] = database.changes({ after: 0, limit: 3, withBodies: true, withLastLive: true })
    t.match(row, { deleted: true, revision: { deleted: true }, lastLive: { deleted: false } })
    t.equal(row?.leaves, undefined, 'a single leaf is the rule')
  })

  await t.test('pending counts the rows that a feed still holds', async t => {
    const database = await newDatabase()
    for (let n = 0; n < 5; n++) await store(database, interactive(`doc${n}`))
    for (let n = 0; n < 3; n++)
      await store(database, interactive(`doc${n}`, database.doc(`doc${n}`)?.tree.winner.rev))
    for (let n = 0; n <= 9; n++) {
      const after = database.changes({ after: n, limit: 100 }).length
      t.equal(database.pending(n), after, `after ${n}`)
      const before = database.changes({ after: n, limit: 100, descending: true }).length
      t.equal(database.pending(n, true), before, `before ${n}`)
    }
  })

  await t.test('the time of a change is never lower than that of an earlier one', async t => {
    const database = await newDatabase()
    const start = Date.now()
    for (let n = 0; n < 20; n++) await store(database, interactive(`doc${n}`))
    const times = database.changes({ after: 0, limit: 100 }).map(({ time }) => time)
    t.same(
      times,
      [...times].sort((a, b) => a - b),
    )
    t.ok((times[0] ?? 0) >= start && (times.at(-1) ?? 0) <= Date.now())
    t.equal(database.doc('doc0')?.time, times[0])
  })

  await t.test('an id may hold any character, and two ids are never one document', async t => {
    const database = await newDatabase()
    const ids = [
      'a',
      'a\u0000',
      'a\u0000\u0000',
      'a\u0000b',
      'a\u0001',
      'a\u0001\u0001',
      'a\u0001b',
      'a\u0002',
      'ab',
    ]
    for (const id of ids) await store(database, interactive(id, undefined, { body: JSON.stringify({ id }) }))
    const listed = database.docs({ limit: 10, withBodies: false }).map(({ id }) => id)
    t.same(listed, ids, 'in byte order')
    for (const id of ids) t.equal(bodyOf(database, id), JSON.stringify({ id }))
    const changed = (query: Partial<ChangesQuery>) =>
      database.changes({ after: 0, limit: 10, ...query }).map(({ id }) => id)
    t.same(changed({}), ids)
    t.same(changed({ ids: new Set(['a\u0000b', 'a\u0001']) }), ['a\u0000b', 'a\u0001'])
    t.equal(database.offset({ startKey: 'a\u0001' }), 4)
    t.same([...database.revsDiff(new Map(ids.map(id => [id, ['9-z']]))).keys()], ids)
    for (const id of ids) await database.writeLocalDoc(id, undefined, JSON.stringify({ id }))
    t.same(
      database.localDocs({ withBodies: true, limit: 10 }).map(({ id }) => id),
      ids,
    )
    t.equal(database.localDoc('a\u0000b')?.body, JSON.stringify({ id: 'a\u0000b' }))
  })

  await t.test('a sequence names its number and leads back to it', async t => {
    const database = await newDatabase()
    t.match(database.sequence(0), /^0-[0-9a-f]{8}$/)
    const handle = database.sequence(0)
    for (let n = 1; n <= 3; n++) {
      await store(database, interactive(`doc${n}`))
      t.match(database.sequence(n), new RegExp(`^${n}-`))
      t.same(database.place(database.sequence(n)), { n, rewound: false })
    }
    t.same(database.place(handle), { n: 0, rewound: false })
    t.same(database.place('now'), { n: 3, rewound: false })
    t.same(database.place('2'), { n: 0, rewound: true })
  })

  await t.test('revs diff tells what is missing and which leaves it may build on', async t => {
    const database = await newDatabase()
    await database.write([
      replicated('line', ['3-c', 'b', 'a']),
      replicated('branched', ['2-b', 'a']),
      replicated('branched', ['3-z', 'y', 'a']),
    ])
    const diff = (id: string, ...revs: string[]) => database.revsDiff(new Map([[id, revs]])).get(id)
    t.equal(diff('line', '3-c', '1-a'), undefined, 'a name is enough to be known')
    t.same(diff('line', '4-d', '3-c'), { missing: ['4-d'], possibleAncestors: ['3-c'] })
    t.same(diff('line', '2-x'), { missing: ['2-x'], possibleAncestors: [] })
    t.same(diff('line', '3-x', '9-x', '9-x'), { missing: ['3-x', '9-x'], possibleAncestors: ['3-c'] })
    t.same(diff('branched', '3-x'), { missing: ['3-x'], possibleAncestors: ['2-b'] })
    t.same(diff('branched', '2-b', '3-z', '2-y'), undefined)
    t.same(diff('none', '1-a', '2-b'), { missing: ['1-a', '2-b'], possibleAncestors: [] })
    const many = new Map(Array.from({ length: 1000 }, (_, n) => [`doc${n}`, [`1-${n}`]]))
    t.equal(database.revsDiff(many).size, 1000)
    t.equal(database.revsDiff(new Map()).size, 0)
  })

  await t.test('what names attachments counts for a page as bodies do', async t => {
    const database = await newDatabase()
    const attachments = Array.from({ length: 300 }, (_, i) => ({
      name: `${i}-${'n'.repeat(1000)}`,
      contentType: 'text/plain',
      data: new Uint8Array(0),
    }))
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f'])
      await store(database, interactive(id, undefined, { attachments }))
    t.equal(database.docs({ limit: 10, withBodies: true }).length, 4)
    t.equal(database.changes({ after: 0, limit: 10, withBodies: true }).length, 4)
    t.equal(database.changes({ after: 0, limit: 10 }).length, 6)
  })

  await t.test('a page ends after ten thousand rows, whatever was asked for', async t => {
    const database = await newDatabase()
    const ids = Array.from({ length: 10_050 }, (_, n) => `doc${n}`)
    await database.write(ids.map(id => replicated(id, ['1-a'])))
    const everything = { after: 0, limit: Number.POSITIVE_INFINITY }
    t.equal(database.changes(everything).length, 10_000)
    t.equal(database.changes({ ...everything, ids: new Set(ids) }).length, 10_000)
    t.equal(database.docs({ ...everything, withBodies: false }).length, 10_000)
    t.equal(database.changes({ ...everything, after: 10_000 }).length, 50)
  })

  await t.test('histories with many branches end a page early, also without bodies', async t => {
    const database = await newDatabase()
    const long = 'a'.repeat(100_000)
    for (let n = 0; n < 8; n++)
      await database.write([replicated(`doc${n}`, [`1-${long}`]), replicated(`doc${n}`, [`1-${long}b`])])
    const page = database.changes({ after: 0, limit: 10 })
    t.equal(page.length, 6)
    t.ok(page.every(({ leaves }) => leaves?.length === 2))
  })

  await t.test('a feed of named documents is in order, wherever it begins', async t => {
    const database = await newDatabase()
    await database.write(Array.from({ length: 100 }, (_, n) => replicated(`doc${n}`, ['1-a'])))
    await store(database, replicated('doc10', ['2-b', 'a']))
    const ids = new Set(['doc50', 'doc10', 'unknown', 'doc7', 'doc98'])
    const feed = (query: Partial<ChangesQuery>) =>
      database.changes({ after: 0, limit: 10, ids, ...query }).map(({ id }) => id)
    t.same(feed({}), ['doc7', 'doc50', 'doc98', 'doc10'])
    t.same(feed({ limit: 2 }), ['doc7', 'doc50'])
    t.same(feed({ after: 51 }), ['doc98', 'doc10'])
    t.same(feed({ after: 98 }), ['doc98', 'doc10'], 'what is left is shorter than the list of names')
    t.same(feed({ after: 98, withBodies: true }), ['doc98', 'doc10'])
    t.same(feed({ after: Number.POSITIVE_INFINITY, descending: true }), ['doc10', 'doc98', 'doc50', 'doc7'])
    t.same(feed({ after: 9, descending: true }), ['doc7'])
    t.same(feed({ after: 4, descending: true }), [])
    t.same(feed({ ids: new Set() }), [])
  })

  await t.test('where little of a feed is left, the names of the documents are not gone through', async t => {
    const database = await newDatabase()
    const ids = new Untouched(Array.from({ length: 1000 }, (_, n) => `doc:${n * 2}`))
    await database.write(Array.from({ length: 100 }, (_, n) => replicated(`doc:${n}`, ['1-a'])))
    for (const feed of [database, database.ofType('doc')]) {
      const told = (query: Partial<ChangesQuery>) =>
        feed.changes({ after: 90, limit: 4, ids, ...query }).map(({ n }) => n)
      t.same(told({}), [91, 93, 95, 97])
      t.same(told({ after: 97 }), [99])
      t.same(told({ after: 100 }), [])
      t.same(told({ after: 92, upTo: 94, withBodies: true }), [93])
      t.same(told({ descending: true }), [89, 87, 85, 83])
      t.same(told({ descending: true, after: Number.POSITIVE_INFINITY, limit: 1 }), [99])
    }
  })

  await t.test('rows that are skipped are skipped with bodies as without', async t => {
    const database = await newDatabase()
    const ids = ['a', 'b', 'c', 'd', 'e']
    await database.write(ids.map(id => interactive(id, undefined, { body: `{"i":"${id}"}` })))
    const listed = (query: Partial<DocsQuery>) =>
      [true, false].map(withBodies =>
        database.docs({ limit: 9, skip: 2, withBodies, ...query }).map(({ id, revision }) => {
          t.equal(revision?.body, withBodies ? `{"i":"${id}"}` : undefined)
          return id
        }),
      )
    t.same(listed({}), [
      ['c', 'd', 'e'],
      ['c', 'd', 'e'],
    ])
    t.same(listed({ startKey: 'b', inclusiveStart: false, endKey: 'd' }), [[], []])
    t.same(listed({ startKey: 'd', descending: true, limit: 1 }), [['b'], ['b']])
    t.same(listed({ skip: 9 }), [[], []])
  })

  await t.test('what is read at once is of one moment, whatever is written meanwhile', async t => {
    const database = await newDatabase()
    await database.setRevsLimit(1)
    let rev = await store(database, interactive('x'))
    /** Reads a document, and its body after a write that forgets it; `wait` holds this thread until that is stored. */
    const readWhileWritten = (wait: (seq: number) => void) => {
      const doc = database.doc('x')
      if (doc === undefined) throw new Error('the document is there')
      const writing = store(database, interactive('x', rev))
      wait(doc.seq)
      return { body: database.revision(doc, rev)?.body, writing }
    }
    const start = performance.now()
    const apart = readWhileWritten(seq => {
      while (database.doc('x')?.seq === seq) block(10)
    })
    const writeMs = performance.now() - start
    rev = await apart.writing
    t.equal(apart.body, undefined, 'one by one they are not')

    const together = database.atOnce(() => readWhileWritten(() => block(300 + 3 * writeMs)))
    t.equal(together.body, '{}')
    rev = await together.writing
    t.equal(database.doc('x')?.tree.winner.rev, rev)
  })
}

/** Holds this thread; the writer's goes on. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** A set that may be asked, and no more. */
class Untouched extends Set<string> {
  override [Symbol.iterator](): never {
    throw new Error('Somebody goes through all of them.')
  }
}
