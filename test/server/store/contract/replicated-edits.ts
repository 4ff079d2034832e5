import type { Test } from 'tap'
import { bodyOf, interactive, replicated, type Subject, store } from './subject.ts'

/** Revisions that were made elsewhere are merged. */
export async function replicatedEditsSuite(t: Test, { newDatabase }: Subject): Promise<void> {
  await t.test('a revision comes with its ancestors, known by name', async t => {
    const database = await newDatabase()
    t.equal(await store(database, replicated('a', ['3-c', 'b', 'a'], { body: '{"n":3}' })), '3-c')
    const tree = database.doc('a')?.tree
    t.same(tree?.revisions('3-c'), { start: 3, ids: ['c', 'b', 'a'] })
    t.equal(tree?.has('1-a'), true)
    t.equal(tree?.has('1-x'), false)
    t.same(tree?.revsInfo('3-c'), [
      { rev: '3-c', status: 'available' },
      { rev: '2-b', status: 'missing' },
      { rev: '1-a', status: 'missing' },
    ])
    t.equal(bodyOf(database, 'a', '2-b'), undefined)
  })

  await t.test('a revision that is there already is a success that changes nothing', async t => {
    const database = await newDatabase()
    await store(database, replicated('a', ['2-b', 'a'], { body: '{"n":1}' }))
    t.equal(await store(database, replicated('a', ['2-b', 'a'], { body: '{"n":2}' })), '2-b')
    t.equal(database.facts().updateSeq, 1)
    t.equal(bodyOf(database, 'a'), '{"n":1}')
  })

  await t.test('a revision that was known by name gets its body', async t => {
    const database = await newDatabase()
    await store(database, replicated('a', ['2-b', 'a'], { body: '{"n":2}' }))
    await store(database, replicated('a', ['1-a'], { body: '{"n":1}' }))
    t.equal(bodyOf(database, 'a', '1-a'), '{"n":1}')
    t.equal(bodyOf(database, 'a'), '{"n":2}', 'the winner stays')
    t.equal(database.facts().updateSeq, 2)
    t.same(database.doc('a')?.tree.leaves(), [{ rev: '2-b', deleted: false }])
  })

  await t.test(
    'branches are conflicts: the winner is live before deleted, then longest, then highest',
    async t => {
      const database = await newDatabase()
      await database.write([
        replicated('a', ['2-a', 'x']),
        replicated('a', ['2-c', 'x']),
        replicated('a', ['2-b', 'x']),
        replicated('a', ['4-z', 'y', 'b', 'x'], { deleted: true }),
      ])
      const doc = database.doc('a')
      t.same(doc?.tree.leaves(), [
        { rev: '2-c', deleted: false },
        { rev: '2-a', deleted: false },
        { rev: '4-z', deleted: true },
      ])
      t.same(doc?.tree.leavesOf('1-x').length, 3)
      t.same(doc?.tree.leavesOf('2-b'), [{ rev: '4-z', deleted: true }])
      t.same(doc?.tree.leavesOf('2-c'), [{ rev: '2-c', deleted: false }])
      t.same(doc?.tree.leavesOf('9-x'), [])
      const [row] = database.changes({ after: 0, limit: 1 })
      t.match(row, { n: 4, rev: '2-c', deleted: false })
      t.same(row?.leaves, doc?.tree.leaves())
    },
  )

  await t.test('a losing branch changes neither the winner nor the counts, but is a change', async t => {
    const database = await newDatabase()
    await store(database, replicated('a', ['2-b', 'x'], { body: '{"winner":1}' }))
    const { activeBytes } = database.facts()
    await store(database, replicated('a', ['2-a', 'x'], { body: '{"loses":"longer"}' }))
    t.match(database.facts(), { docCount: 1, docDelCount: 0, updateSeq: 2, activeBytes })
    t.equal(bodyOf(database, 'a'), '{"winner":1}')
    t.equal(bodyOf(database, 'a', '2-a'), '{"loses":"longer"}')
  })

  await t.test('when the winner is deleted the next leaf is shown', async t => {
    const database = await newDatabase()
    await database.write([
      replicated('a', ['2-b', 'x'], { body: '{"b":1}' }),
      replicated('a', ['2-a', 'x'], { body: '{"a":1}' }),
    ])
    await store(database, interactive('a', '2-b', { deleted: true }))
    t.equal(database.doc('a')?.tree.winner.rev, '2-a')
    t.equal(bodyOf(database, 'a'), '{"a":1}')
    t.match(database.facts(), { docCount: 1, docDelCount: 0, activeBytes: 7 })
    const last = await store(database, interactive('a', '2-a', { deleted: true, body: '{}' }))
    t.match(database.facts(), { docCount: 0, docDelCount: 1, activeBytes: 2 })
    const [row] = database.changes({ after: 0, limit: 1, withLastLive: true })
    t.match(row, { deleted: true, lastLive: { rev: '2-a', deleted: false, body: '{"a":1}' } })
    t.ok(row?.leaves?.some(({ rev }) => rev === last))
  })

  await t.test('revs may be any text after their generation', async t => {
    const database = await newDatabase()
    const ids = ['a,b;c:d!e|f^g%', 'phone-7', 'ü\u0001']
    const rev = `3-${ids[0]}`
    t.equal(await store(database, replicated('a', [rev, 'phone-7', 'ü\u0001'])), rev)
    t.same(database.doc('a')?.tree.revisions(rev), { start: 3, ids })
    t.equal(database.revsDiff(new Map([['a', [rev, '2-phone-7']]])).size, 0)
    const next = await store(database, interactive('a', rev))
    t.same(database.doc('a')?.tree.revisions(next)?.ids.slice(1), ids)
  })

  await t.test('a rev may end at its dash, and edits go on from it', async t => {
    const database = await newDatabase()
    t.equal(await store(database, replicated('a', ['3-'], { body: '{"n":1}' })), '3-')
    const next = await store(database, interactive('a', '3-', { body: '{"n":2}' }))
    t.match(next, /^4-./)
    const tree = database.doc('a')?.tree
    t.same(tree?.leaves(), [{ rev: next, deleted: false }])
    t.same(tree?.revisions(next), { start: 4, ids: [next.slice(2), ''] })
    t.equal(bodyOf(database, 'a'), '{"n":2}')
    t.equal(bodyOf(database, 'a', '3-'), '{"n":1}')
  })

  await t.test('branches may part at such a rev, and it may be a tip', async t => {
    const database = await newDatabase()
    await database.write([
      replicated('a', ['3-c', '', 'x']),
      replicated('a', ['3-b', '', 'x']),
      replicated('a', ['2-', 'x'], { body: '{"n":2}' }),
      replicated('a', ['2-', 'y']),
      replicated('a', ['3-', 'd', '']),
    ])
    const tree = database.doc('a')?.tree
    t.same(
      tree?.leaves().map(({ rev }) => rev),
      ['3-c', '3-b', '3-'],
    )
    t.same(tree?.leavesOf('2-').length, 2)
    t.same(tree?.revisions('3-'), { start: 3, ids: ['', 'd', ''] })
    t.equal(bodyOf(database, 'a', '2-'), '{"n":2}')
    t.same(database.revsDiff(new Map([['a', ['1-', '2-', '3-', '4-']]])).get('a')?.missing, ['4-'])
  })

  await t.test('a tombstone keeps the last live body, also through an undelete', async t => {
    const database = await newDatabase()
    const lastLive = () => database.changes({ after: 0, limit: 1, withLastLive: true })[0]?.lastLive?.body
    await store(database, replicated('a', ['1-a'], { body: '{"n":1}' }))
    t.equal(lastLive(), undefined, 'only for a deleted document')
    await store(database, replicated('a', ['3-c', 'b', 'a'], { deleted: true }))
    t.equal(lastLive(), '{"n":1}')
    await store(database, replicated('a', ['4-d', 'c', 'b', 'a'], { deleted: true }))
    t.equal(lastLive(), '{"n":1}', 'a second tombstone changes nothing')
    const back = await store(database, interactive('a', undefined, { body: '{"n":5}' }))
    t.equal(lastLive(), undefined)
    await store(database, interactive('a', back, { deleted: true }))
    t.equal(lastLive(), '{"n":5}')
  })
}
