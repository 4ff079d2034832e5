import t from 'tap'
import { Connection } from '../../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../../server/store/sqlite/open-store.ts'
import { deletedDatabases, removeSlice } from '../../../../../server/store/sqlite/writer/remove-deleted.ts'
import type { Store } from '../../../../../server/store/store.ts'
import { eventually } from '../../../../fixtures/eventually.ts'
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

const ONE_DATABASE = [1, DOCS + 1, DOCS + 1, 1, 1, 12]

t.test('the rows of a deleted database go while the store works on', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await fill(file)
  await store.deleteDatabase('gone')
  await storeOne(databaseOf(store, 'stays'), interactive('meanwhile'))
  await eventually(() => (countRows(file) as number[])[0] === 1, 'all rows are removed')
  t.same(countRows(file), [1, DOCS + 2, DOCS + 2, 1, 1, 12])
  t.same(
    store.dbUpdates({ after: 0, limit: 9 }).map(({ name, type }) => `${name} ${type}`),
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
  await eventually(() => (countRows(file) as number[])[0] === 1, 'all rows are removed')
  t.same(countRows(file), ONE_DATABASE)
  await again.close()
})

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
