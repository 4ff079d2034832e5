import t from 'tap'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { databaseOf } from '../contract/subject.ts'
import { randomEdit } from '../random-edits.ts'
import { checkFile } from './check-file.ts'

t.test('counters, sizes and histories are exact after any edits, stemmed or not', async t => {
  const random = seededRandom(t)
  const file = `${t.testdir()}/store.db`
  const store = await openStore({ file, log: line => t.fail(line) })
  t.teardown(() => store.close())
  for (const name of ['whole', 'stemmed', 'stemmed-to-one']) await store.createDatabase(name)
  const connection = new Connection(await loadDriver(), file)
  connection.exec(`update databases set revs_limit = 4 where name = 'stemmed'`)
  connection.exec(`update databases set revs_limit = 1 where name = 'stemmed-to-one'`)
  connection.close()

  for (let round = 0; round < 150; round++) {
    const database = databaseOf(store, random.pick(store.databaseNames({ limit: 9 })))
    const edits = Array.from({ length: 1 + random.below(5) }, () => randomEdit(random, database))
    await database.write(edits)
    const [row] = database.changes({ after: 0, limit: 1, descending: true, withBodies: true })
    t.equal(row?.revision?.rev, row?.rev)
  }
  t.same(await checkFile(file), [])
})
