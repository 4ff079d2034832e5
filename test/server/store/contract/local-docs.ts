import type { Test } from 'tap'
import type { Subject } from './subject.ts'

/** Local documents: one version, no history, no change. */
export async function localDocsSuite(t: Test, { newDatabase }: Subject): Promise<void> {
  await t.test('a local doc is replaced by who knows its rev', async t => {
    const database = await newDatabase()
    const id = 'a/b=.c_d'
    t.equal(database.localDoc(id), undefined)
    t.same(await database.writeLocalDoc(id, undefined, '{"n":1}'), { rev: '0-1' })
    t.same(database.localDoc(id), { id, rev: '0-1', body: '{"n":1}' })
    await t.rejects(database.writeLocalDoc(id, undefined, '{}'), { name: 'CouchError', word: 'conflict' })
    await t.rejects(database.writeLocalDoc(id, '0-7', '{}'), { name: 'CouchError', word: 'conflict' })
    t.same(await database.writeLocalDoc(id, '0-1', '{"n":2}'), { rev: '0-2' })
    t.same(await database.writeLocalDoc(id, '0-2', null), { rev: '0-0' })
    t.equal(database.localDoc(id), undefined)
    await t.rejects(database.writeLocalDoc(id, '0-2', null), { name: 'CouchError', word: 'not_found' })
    t.same(await database.writeLocalDoc(id, undefined, '{}'), { rev: '0-1' }, 'it starts again')
  })

  await t.test('two writers of one local doc: the second conflicts', async t => {
    const database = await newDatabase()
    const writes = [1, 2].map(n => database.writeLocalDoc('log', undefined, `{"n":${n}}`))
    const outcomes = await Promise.allSettled(writes)
    t.same(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    )
    t.equal(database.localDoc('log')?.body, '{"n":1}')
  })

  await t.test('a local doc is no change', async t => {
    const database = await newDatabase()
    let calls = 0
    database.onChange(() => calls++)
    await database.writeLocalDoc('log', undefined, '{}')
    t.match(database.facts(), { updateSeq: 0, docCount: 0, storedBytes: 0 })
    t.equal(calls, 0)
  })

  await t.test('local docs are listed by id', async t => {
    const database = await newDatabase()
    for (const id of ['c', 'a', 'b']) await database.writeLocalDoc(id, undefined, '{}')
    t.same(
      database.localDocs({ withBodies: true, limit: 10 }).map(({ id }) => id),
      ['a', 'b', 'c'],
    )
    t.same(database.localDocs({ withBodies: true, limit: 1, descending: true }), [
      { id: 'c', rev: '0-1', body: '{}' },
    ])
    t.same(
      database.localDocs({ withBodies: true, limit: 10, startKey: 'b' }).map(({ id }) => id),
      ['b', 'c'],
    )
    t.same(database.localDocs({ limit: 1, withBodies: false }), [{ id: 'a', rev: '0-1', body: undefined }])
  })

  await t.test('a page of local docs ends after about a mebibyte, and the next one goes on', async t => {
    const database = await newDatabase()
    const body = JSON.stringify({ text: 'x'.repeat(600_000) })
    for (const id of ['a', 'b', 'c']) await database.writeLocalDoc(id, undefined, body)
    const ids = (startKey: string | undefined, withBodies: boolean) =>
      database.localDocs({ limit: 10, withBodies, startKey, inclusiveStart: false }).map(({ id }) => id)
    t.same(ids(undefined, true), ['a', 'b'])
    t.same(ids('b', true), ['c'])
    t.same(ids(undefined, false), ['a', 'b', 'c'])
  })
}
