import type { Test } from 'tap'
import { bodyOf, interactive, replicated, type Subject, store, writeOne } from './subject.ts'

/** CouchDB's rules for a client's own edits. */
export async function interactiveEditsSuite(t: Test, { newDatabase }: Subject): Promise<void> {
  await t.test('a new document is its first revision, and an edit of it the second', async t => {
    const database = await newDatabase()
    const first = await store(database, interactive('a', undefined, { body: '{"n":1}' }))
    t.match(first, /^1-[0-9a-f]{32}$/)
    const second = await store(database, interactive('a', first, { body: '{"n":2}' }))
    t.match(second, /^2-[0-9a-f]{32}$/)
    t.equal(bodyOf(database, 'a'), '{"n":2}')
    t.equal(bodyOf(database, 'a', first), '{"n":1}', 'the older revision is still available')
    t.same(database.doc('a')?.tree.revisions(second), { start: 2, ids: [second.slice(2), first.slice(2)] })
  })

  await t.test('an edit without the current rev is a conflict', async t => {
    const database = await newDatabase()
    const first = await store(database, interactive('a'))
    const second = await store(database, interactive('a', first))
    const conflict = { ok: false, id: 'a', error: 'conflict', reason: 'Document update conflict.' }
    t.same(await writeOne(database, interactive('a')), conflict, 'none')
    t.same(await writeOne(database, interactive('a', first)), conflict, 'an old one')
    t.same(await writeOne(database, interactive('a', '2-unknown')), conflict, 'an unknown one')
    t.same(await writeOne(database, interactive('b', second)), { ...conflict, id: 'b' }, 'of no document')
    t.equal(database.facts().updateSeq, 2, 'and changes nothing')
  })

  await t.test('the same edit makes the same rev everywhere, another one another', async t => {
    const [here, there] = [await newDatabase(), await newDatabase()]
    const edit = interactive('a', undefined, { body: '{"n":1}' })
    const rev = await store(here, edit)
    t.equal(await store(there, edit), rev)
    t.equal(await store(here, interactive('b', undefined, { body: '{"n":1}' })), rev, 'whatever the id')
    t.not(await store(here, interactive('c', undefined, { body: '{"n":2}' })), rev)
    t.not(await store(here, interactive('d', undefined, { body: '{"n":1}', deleted: true })), rev)
    t.same(await writeOne(there, edit), {
      ok: false,
      id: 'a',
      error: 'conflict',
      reason: 'Document update conflict.',
    })
  })

  await t.test('edits of one document in one list see each other', async t => {
    const database = await newDatabase()
    const [first, second] = await database.write([interactive('a'), interactive('a')])
    t.equal(first?.ok, true)
    t.match(second, { ok: false, error: 'conflict' })
  })

  await t.test('a deleted document keeps its tombstone and comes back on top of it', async t => {
    const database = await newDatabase()
    const first = await store(database, interactive('a', undefined, { body: '{"live":1}' }))
    const tombstone = await store(database, interactive('a', first, { deleted: true, body: '{"gone":1}' }))
    t.match(database.facts(), { docCount: 0, docDelCount: 1 })
    t.same(database.doc('a')?.tree.winner, { rev: tombstone, deleted: true })
    t.match(await writeOne(database, interactive('a', undefined, { deleted: true })), { error: 'conflict' })
    const third = await store(database, interactive('a', undefined, { body: '{"live":2}' }))
    t.match(third, /^3-/, 'a generation after the tombstone')
    t.same(database.doc('a')?.tree.revisions(third)?.ids.length, 3)
    t.match(database.facts(), { docCount: 1, docDelCount: 0 })
  })

  await t.test('a deleted document also comes back on top of its named tombstone', async t => {
    const database = await newDatabase()
    const first = await store(database, interactive('a'))
    const tombstone = await store(database, interactive('a', first, { deleted: true }))
    t.match(await store(database, interactive('a', tombstone)), /^3-/)
  })

  await t.test('a document may be born deleted', async t => {
    const database = await newDatabase()
    await store(database, interactive('a', undefined, { deleted: true }))
    t.match(database.facts(), { docCount: 0, docDelCount: 1 })
    const [row] = database.changes({ after: 0, limit: 1, withLastLive: true })
    t.match(row, { deleted: true, lastLive: undefined })
  })

  await t.test('any leaf may be edited, not only the winner', async t => {
    const database = await newDatabase()
    await database.write([replicated('a', ['2-b', 'x']), replicated('a', ['2-a', 'x'])])
    t.equal(database.doc('a')?.tree.winner.rev, '2-b')
    const longer = await store(database, interactive('a', '2-a'))
    t.equal(database.doc('a')?.tree.winner.rev, longer)
    const gone = await store(database, interactive('a', longer, { deleted: true }))
    t.same(database.doc('a')?.tree.leaves(), [
      { rev: '2-b', deleted: false },
      { rev: gone, deleted: true },
    ])
    t.match(await writeOne(database, interactive('a', '2-a')), { error: 'conflict' }, 'no leaf any more')
  })

  await t.test('one refused edit leaves the others of its list alone', async t => {
    const database = await newDatabase()
    await store(database, interactive('taken'))
    const stub = { name: 'x', contentType: 'text/plain', digest: 'md5-nothing' }
    const outcomes = await database.write([
      interactive('a'),
      interactive('taken'),
      interactive('stub', undefined, { attachments: [stub] }),
      interactive('b'),
    ])
    t.match(outcomes, [
      { ok: true, id: 'a' },
      { ok: false, id: 'taken', error: 'conflict' },
      { ok: false, id: 'stub', error: 'missing_stub' },
      { ok: true, id: 'b' },
    ])
    t.match(database.facts(), { docCount: 3, updateSeq: 3 })
  })
}
