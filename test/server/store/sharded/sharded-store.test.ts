import t from 'tap'
import { userDbName } from '../../../../design-docs/user-db.ts'
import { filesOf } from '../../../../server/store/sharded/files-of.ts'
import { openStoreFiles } from '../../../../server/store/sharded/open-store-files.ts'
import { shardOf } from '../../../../server/store/sharded/shard-of.ts'
import { closeAll, ShardedStore } from '../../../../server/store/sharded/sharded-store.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { subjectOf } from '../contract/subject.ts'
import { wholeContract } from '../contract/whole-contract.ts'
import { checkFile } from '../sqlite/check-file.ts'
import { userIn } from './user-in.ts'

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

await t.test('a file that fails is named, the others go on, and all are closed', async t => {
  const folder = t.testdir()
  const both = await Promise.all(
    [0, 1].map(async at => ({
      name: `file-${at}.db`,
      store: await openStore({ file: `${folder}/${at}.db` }),
    })),
  )
  const [first, second] = both
  if (first === undefined || second === undefined) throw new Error('two files')
  const sharded = new ShardedStore([first, second])
  t.match(sharded.condition(), { failure: undefined, listeners: 0, waitingWrites: 0 })
  const stop = sharded.onDbUpdate(() => {})
  t.equal(sharded.condition().listeners, 1)
  stop()
  const sum = first.store.condition().fileBytes + second.store.condition().fileBytes
  t.equal(sharded.condition().fileBytes, sum)
  await sharded.tryWrite()
  await second.store.close()
  t.equal(sharded.condition().failure, 'file-1.db: The store is closed.')
  await t.rejects(sharded.tryWrite(), { message: 'The store is closed.' })
  t.equal(await sharded.createDatabase(userDbName(userIn(0, 2))), 'created')
  await t.rejects(sharded.createDatabase(userDbName(userIn(1, 2))), {
    name: 'CouchError',
    word: 'service_unavailable',
  })
  await sharded.close()
  t.match(first.store.condition().failure, 'The store is closed.')
  await t.rejects(first.store.tryWrite())

  let closed = 0
  const ends = [0, 1, 2].map(at => ({
    close: async () => {
      closed++
      if (at === 0) throw new Error('it did not close')
    },
  }))
  await t.rejects(closeAll(ends), { message: 'it did not close' })
  t.equal(closed, 3, 'the others are closed all the same')
})
