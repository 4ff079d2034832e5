import t from 'tap'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { databaseOf, interactive, store as storeOne } from '../contract/subject.ts'
import { checkFile } from './check-file.ts'

const open = await loadDriver()

/** What format 2 added, taken out again. */
const BACK_TO_1 = `
drop index databases_to_compact;
drop table loose_attachments;
alter table attachments drop column refs;
alter table databases drop column compacted_seq;
alter table databases drop column compact_to;
alter table databases drop column compacted_bytes;
alter table databases drop column logs_run;
pragma user_version = 1;
`

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
  await again.close()
})
