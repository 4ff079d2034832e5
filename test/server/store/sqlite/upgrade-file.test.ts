import t from 'tap'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { upgradeFile } from '../../../../server/store/sqlite/upgrade-file.ts'
import { eventually } from '../../../fixtures/eventually.ts'
import { databaseOf, interactive, store as storeOne } from '../contract/subject.ts'
import { BACK_TO_1 } from './back-to-format-1.ts'
import { checkFile } from './check-file.ts'

const open = await loadDriver()

/** Every table with its columns, and every index. */
function shapeOf(file: string): unknown {
  const connection = new Connection(open, file, { readOnly: true })
  const columns = connection.rows(
    `select s.type, s.name, c.name as column, c.type as kind, c."notnull", c.dflt_value, c.pk
     from sqlite_schema s left join pragma_table_info(s.name) c on s.type = 'table'
     where s.name not like 'sqlite_%' order by 1, 2, 3`,
  )
  connection.close()
  return columns
}

t.test('a file of format 1 becomes one of today, with everything in it', async t => {
  const file = `${t.testdir()}/store.db`
  const first = await openStore({ file })
  await first.createDatabase('a')
  const database = databaseOf(first, 'a')
  const attachments = ['x', 'y'].map(name => ({ name, contentType: 'a/b', data: Buffer.from('same bytes') }))
  for (let n = 0; n < 3; n++) await storeOne(database, interactive(`doc${n}`, undefined, { attachments }))
  await database.writeLocalDoc('log', undefined, '{"a":1}')
  await first.close()
  const today = shapeOf(file)

  const connection = new Connection(open, file)
  connection.exec(BACK_TO_1)
  connection.close()
  await (await openStore({ file })).close()
  t.same(shapeOf(file), today, 'the same tables as a new file has')
  t.same(await checkFile(file), [])

  const again = await openStore({ file })
  t.equal(databaseOf(again, 'a').facts().docCount, 3)
  t.match(databaseOf(again, 'a').localDoc('log'), { rev: '0-1', body: '{"a":1}' })
  await again.close()
})

t.test('attachments that format 1 kept though no body names them are removed', async t => {
  const file = `${t.testdir()}/store.db`
  const first = await openStore({ file })
  await first.createDatabase('a')
  const attachments = [{ name: 'x', contentType: 'a/b', data: Buffer.from('named') }]
  await storeOne(databaseOf(first, 'a'), interactive('doc', undefined, { attachments }))
  const { storedBytes } = databaseOf(first, 'a').facts()
  await first.close()

  const connection = new Connection(open, file)
  t.teardown(() => connection.close())
  connection.exec(`
    insert into attachments (key, db, digest, length) values (7, 1, 'md5-y', 100), (8, 1, 'md5-z', 200);
    insert into attachment_chunks values (7 << 20, zeroblob(100)), (8 << 20, zeroblob(200));
    update databases set stored_bytes = stored_bytes + 300;
    ${BACK_TO_1}`)
  upgradeFile(connection, 1)
  t.same(connection.rows('select key, db, run, since from loose_attachments'), [
    [7, 1, null, 0],
    [8, 1, null, 0],
  ])
  t.same(await checkFile(file), [])

  const again = await openStore({ file })
  t.equal(databaseOf(again, 'a').facts().storedBytes, storedBytes)
  const chunks = () => connection.row<[number]>('select count(*) from attachment_chunks')?.[0]
  await eventually(() => chunks() === 1, 'their bytes are removed')
  await again.close()
  t.same(await checkFile(file), [])
})

t.test('an upgrade that fails in the middle leaves the old file', async t => {
  const file = `${t.testdir()}/store.db`
  await (await openStore({ file })).close()
  const connection = new Connection(open, file)
  t.teardown(() => connection.close())
  connection.exec(BACK_TO_1)
  const before = shapeOf(file)
  connection.exec('create table loose_attachments (key integer primary key)')
  t.throws(() => upgradeFile(connection, 1), /already exists/)
  connection.exec('drop table loose_attachments')
  t.same(shapeOf(file), before)
  t.same(connection.row('pragma user_version'), [1])
  upgradeFile(connection, 1)
})
