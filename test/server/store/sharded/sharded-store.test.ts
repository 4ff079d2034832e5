import t from 'tap'
import { userDbName } from '../../../../design-docs/user-db.ts'
import { filesOf } from '../../../../server/store/sharded/files-of.ts'
import { openStoreFiles } from '../../../../server/store/sharded/open-store-files.ts'
import { shardOf } from '../../../../server/store/sharded/shard-of.ts'
import { subjectOf } from '../contract/subject.ts'
import { wholeContract } from '../contract/whole-contract.ts'
import { checkFile } from '../sqlite/check-file.ts'

const files = filesOf(`${t.testdir()}/store.db`, 3)
const store = await openStoreFiles({ file: files[0], shards: files.length, log: line => t.fail(line) })

await t.test('a store of three files', t =>
  wholeContract(
    t,
    subjectOf(store, n => userDbName(`user ${n}`)),
  ),
)

await t.test('after all this each file agrees with itself, and has its share', async t => {
  const names = store.databaseNames({ limit: 10_000 })
  for (const at of files.keys())
    t.ok(names.filter(name => shardOf(name, files.length) === at).length > names.length / 5)
  await store.close()
  for (const file of files) t.same(await checkFile(file), [])
})
