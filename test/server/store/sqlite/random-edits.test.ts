import t from 'tap'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import type { Database } from '../../../../server/store/store.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { type SeededRandom, seededRandom } from '../../../fixtures/seeded-random.ts'
import { databaseOf } from '../contract/subject.ts'
import { randomEdit } from '../random-edits.ts'
import { checkFile } from './check-file.ts'

t.test(
  'counters, sizes and histories are exact after any edits, stemmed, compacted, purged or not',
  async t => {
    const random = seededRandom(t)
    const file = `${t.testdir()}/store.db`
    const store = await openStore({ file, log: line => t.fail(line) })
    t.teardown(() => store.close())
    for (const name of ['whole', 'stemmed', 'stemmed-to-one']) await store.createDatabase(name)
    await databaseOf(store, 'stemmed').setRevsLimit(4)
    await databaseOf(store, 'stemmed-to-one').setRevsLimit(1)

    for (let round = 0; round < rounds(150, 10_000); round++) {
      const database = databaseOf(store, random.pick(store.databaseNames({ limit: 9 })))
      const edits = Array.from({ length: 1 + random.below(5) }, () => randomEdit(random, database))
      await database.write(edits)
      if (random.chance(0.03)) await database.compact()
      if (random.chance(0.03)) await purgeOne(random, database)
      const [row] = database.changes({ after: 0, limit: 1, descending: true, withBodies: true })
      t.equal(row?.revision?.rev, row?.rev)
    }
    t.same(await checkFile(file), [])
  },
)

async function purgeOne(random: SeededRandom, database: Database): Promise<void> {
  const rows = database.changes({ after: 0, limit: 100 })
  if (rows.length === 0) return
  const { id, rev, leaves } = random.pick(rows)
  await database.purge(new Map([[id, [random.pick(leaves?.map(leaf => leaf.rev) ?? [rev])]]]))
}
