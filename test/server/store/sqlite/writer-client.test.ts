import t from 'tap'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { packRequest, unpackRequest } from '../../../../server/store/sqlite/packed-request.ts'
import { prepareFile } from '../../../../server/store/sqlite/prepare-file.ts'
import { WriterClient } from '../../../../server/store/sqlite/writer-client.ts'
import type { Edit } from '../../../../server/store/store.ts'
import { databaseOf, interactive } from '../contract/subject.ts'

t.test('when the writer dies, pending and later writes are refused and nothing hangs', async t => {
  const file = `${t.testdir()}/store.db`
  prepareFile(await loadDriver(), file)
  const lines: string[] = []
  const writer = await WriterClient.start(file, { committed: () => {}, log: line => lines.push(line) })
  t.equal(await writer.send<'createDatabase'>({ kind: 'createDatabase', name: 'a' }), 'created')

  const noCommand = '' as never
  const pending = [
    writer.send<'write'>(noCommand),
    writer.send<'deleteDatabase'>({ kind: 'deleteDatabase', name: 'a' }),
  ]
  for (const { status, ...rest } of await Promise.allSettled<unknown>(pending)) {
    t.equal(status, 'rejected')
    t.match(rest, { reason: { word: 'service_unavailable' } })
  }
  await t.rejects(writer.send<'createDatabase'>({ kind: 'createDatabase', name: 'b' }), {
    name: 'CouchError',
    word: 'service_unavailable',
  })
  t.match(lines.join('\n'), /the store's writer died: TypeError/)
  await writer.close()
})

t.test('a command that cannot be posted fails alone, with others of its turn and without', async t => {
  const file = `${t.testdir()}/store.db`
  prepareFile(await loadDriver(), file)
  const writer = await WriterClient.start(file, { committed: () => {}, log: line => t.fail(line) })
  t.teardown(() => writer.close())
  const create = (name: unknown) =>
    writer.send<'createDatabase'>({ kind: 'createDatabase', name: name as string })
  const cannotBeCloned = { name: 'DataCloneError' }
  await t.rejects(
    create(() => {}),
    cannotBeCloned,
  )
  const [a, b, none, c] = await Promise.allSettled([create('a'), create('b'), create(() => {}), create('c')])
  for (const made of [a, b, c]) t.match(made, { status: 'fulfilled', value: 'created' })
  t.match(none, { status: 'rejected', reason: cannotBeCloned })
  t.equal(await create('d'), 'created')
  t.equal(writer.condition().waitingWrites, 0)
})

t.test('edits of every shape reach the writer as they were sent', t => {
  const plain = { id: 'a', deleted: false, body: '{}', attachments: undefined }
  const interactive = { ...plain, kind: 'interactive', parent: undefined } as const
  const replicated = { ...plain, kind: 'replicated', revisions: { start: 3, ids: ['', 'b', '1,2'] } } as const
  const stub = { name: 'a.txt', contentType: 'text/plain', data: new Uint8Array([1, 2]) }
  const edits: readonly Edit[] = [
    interactive,
    { ...interactive, id: '', parent: '1-', deleted: true },
    { ...interactive, parent: '2-7', attachments: [stub] },
    replicated,
    { ...replicated, deleted: true, revisions: { start: 1, ids: ['7'] } },
    { ...replicated, attachments: [stub, { ...stub, data: undefined, revpos: 2 }] },
    { ...interactive, salt: 'salt', mark: '0123456789abcdef' },
    { ...interactive, salt: '' },
    { ...interactive, id: '7', parent: '3-' },
  ]
  for (const some of [edits, [...edits].reverse(), []]) {
    const request = { request: 1, command: { kind: 'write', db: 2, edits: some } } as const
    t.strictSame(unpackRequest(structuredClone(packRequest(request))), request)
  }
  t.end()
})

t.test('a store that is closed in the middle of long writes ends after all of them', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await openStore({ file, log: line => t.fail(line) })
  await Promise.all(['a', 'b'].map(name => store.createDatabase(name)))
  const edits = Array.from({ length: 1200 }, (_, n) => interactive(`doc${n}`))
  const writes = ['a', 'b'].map(name => databaseOf(store, name).write(edits))
  await store.close()
  for (const outcomes of await Promise.all(writes)) t.ok(outcomes.every(({ ok }) => ok))

  const again = await openStore({ file })
  t.teardown(() => again.close())
  for (const name of ['a', 'b']) t.equal(databaseOf(again, name).facts().docCount, edits.length)
})
