import t from 'tap'
import { Connection } from '../../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../../server/store/sqlite/open-store.ts'
import { deletedDatabases, removeSlice } from '../../../../../server/store/sqlite/writer/remove-deleted.ts'
import type { Store } from '../../../../../server/store/store.ts'
import { eventually } from '../../../../fixtures/eventually.ts'
import { rounds } from '../../../../fixtures/rounds.ts'
import { databaseOf, interactive, store as storeOne } from '../../contract/subject.ts'
import { checkFile } from '../check-file.ts'

const open = await loadDriver()
const DOCS = 2500

/** A store with the databases `gone` and `stays`, each with documents, an attachment and a local doc. */
async function fill(file: string): Promise<Store> {
  const store = await openStore({ file })
  for (const name of ['gone', 'stays']) {
    await store.createDatabase(name)
    const database = databaseOf(store, name)
    await database.write(Array.from({ length: DOCS }, (_, n) => interactive(`doc${n}`)))
    const data = Buffer.alloc(3_000_000, name)
    await storeOne(
      database,
      interactive('x', undefined, { attachments: [{ name: 'a', contentType: 'a/b', data }] }),
    )
    await database.writeLocalDoc('log', undefined, '{}')
  }
  return store
}

function countRows(file: string): unknown {
  const connection = new Connection(open, file, { readOnly: true })
  const tables = ['databases', 'docs', 'bodies', 'local_docs', 'attachments', 'attachment_chunks']
  const counts = tables.map(table => connection.row<[number]>(`select count(*) from ${table}`)?.[0])
  connection.close()
  return counts
}

/** All of the deleted database; the chunks of its attachments go last. */
function isGone(file: string): boolean {
  const [databases, , , , , chunks] = countRows(file) as number[]
  return databases === 1 && chunks === 12
}

const ONE_DATABASE = [1, DOCS + 1, DOCS + 1, 1, 1, 12]

t.test('the rows of a deleted database go while the store works on', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await fill(file)
  await store.deleteDatabase('gone')
  await storeOne(databaseOf(store, 'stays'), interactive('meanwhile'))
  await eventually(() => isGone(file), 'all rows are removed')
  t.same(countRows(file), [1, DOCS + 2, DOCS + 2, 1, 1, 12])
  t.same(
    store.dbUpdates({ after: [0], limit: 9 }).map(({ name, type }) => `${name} ${type}`),
    ['gone deleted', 'stays updated'],
  )
  await store.close()
  t.same(await checkFile(file), [])
})

t.test('a restart goes on where the removal was', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await fill(file)
  await store.close()
  const connection = new Connection(open, file)
  connection.exec("update databases set deleted = 1 where name = 'gone'")
  const [db] = deletedDatabases(connection)
  for (let slices = 0; slices < 3; slices++) removeSlice(connection, db ?? 0)
  connection.close()
  t.notSame(countRows(file), ONE_DATABASE, 'not done yet')

  const again = await openStore({ file })
  await eventually(() => isGone(file), 'all rows are removed')
  t.same(countRows(file), ONE_DATABASE)
  await again.close()
})

t.test('each slice is small, also of large rows and of thousands of attachments', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await openStore({ file })
  await store.createDatabase('gone')
  const database = databaseOf(store, 'gone')
  const named = (n: number) => ({ name: 'a', contentType: 'a/b', data: Buffer.from(`${n}`) })
  await database.write(
    Array.from({ length: 700 }, (_, n) => interactive(`doc${n}`, undefined, { attachments: [named(n)] })),
  )
  const body = JSON.stringify({ text: 'x'.repeat(700_000) })
  await database.write(Array.from({ length: 10 }, (_, n) => interactive(`large${n}`, undefined, { body })))
  await store.close()

  const connection = new Connection(open, file)
  t.teardown(() => connection.close())
  connection.exec("update databases set deleted = 1 where name = 'gone'")
  const [db] = deletedDatabases(connection)
  const sizes = () =>
    connection.row<[number, number, number, number]>(
      `select (select count(*) from docs), (select count(*) from bodies), (select count(*) from attachments),
         (select coalesce(sum(octet_length(body)), 0) from bodies)`,
    ) ?? [0, 0, 0, 0]
  let slices = 0
  for (let before = sizes(); removeSlice(connection, db ?? 0); before = sizes(), slices++) {
    const [docs, bodies, attachments, bytes] = before.map((count, n) => count - (sizes()[n] ?? 0))
    t.ok(
      (docs ?? 0) <= 300 && (bodies ?? 0) <= 300 && (attachments ?? 0) <= 200,
      `${docs} ${bodies} ${attachments}`,
    )
    t.ok((bytes ?? 0) < 2_000_000, `${bytes} bytes`)
  }
  t.ok(slices > 10, `${slices} slices`)
  t.same(sizes(), [0, 0, 0, 0])
})

t.test('single writes of others go on while thousands of documents are removed', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await openStore({ file, log: line => t.fail(line) })
  await store.createDatabase('gone')
  await store.createDatabase('stays')
  const docs = rounds(20_000, 100_000)
  const edits = Array.from({ length: docs }, (_, n) => interactive(`doc${(n * 7919) % docs}`))
  await databaseOf(store, 'gone').write(edits)
  await store.deleteDatabase('gone')
  const left: number[] = []
  for (let n = 0; (left.at(-1) ?? docs) > 0; n++) {
    await storeOne(databaseOf(store, 'stays'), interactive(`doc${n}`))
    left.push(docsOf(file, 'gone'))
  }
  t.ok(
    left.some(count => count > 0 && count < docs),
    'the writes came between the slices',
  )
  t.same(
    left,
    [...left].sort((a, b) => b - a),
    'none of them came back',
  )
  t.equal(databaseOf(store, 'stays').facts().docCount, left.length)
  await store.close()
  t.same(await checkFile(file), [])
})

function docsOf(file: string, name: string): number {
  const connection = new Connection(open, file, { readOnly: true })
  const sql = 'select count(*) from docs join databases using (db) where name = ?'
  const [count] = connection.row<[number]>(sql, name) ?? [0]
  connection.close()
  return count
}

t.test('the rows go also while others write without a pause', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await fill(file)
  await store.deleteDatabase('gone')
  const stays = databaseOf(store, 'stays')
  let isGone = false
  const writers = Array.from({ length: 16 }, async (_, writer) => {
    for (let n = 0; !isGone; n++) await storeOne(stays, interactive(`${writer}-${n}`))
  })
  await eventually(() => (countRows(file) as number[])[0] === 1, 'all rows are removed')
  isGone = true
  await Promise.all(writers)
  await store.close()
  t.same(await checkFile(file), [])
})
