import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import { userDbName } from '../../../../design-docs/user-db.ts'
import { filesOf } from '../../../../server/store/sharded/files-of.ts'
import { openStoreFiles } from '../../../../server/store/sharded/open-store-files.ts'
import { shardOf } from '../../../../server/store/sharded/shard-of.ts'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { setRestoreMark } from '../../../../server/store/sqlite/restore-mark.ts'
import type { Store } from '../../../../server/store/store.ts'
import { databaseOf, interactive, store as storeOne } from '../contract/subject.ts'
import { userIn } from './user-in.ts'

const open = await loadDriver()
type Files = [string, ...string[]]

async function opened(t: Test, files: Files): Promise<Store> {
  return openStoreFiles({ file: files[0], shards: files.length, log: line => t.fail(line) })
}

/** A store with a document of a user in each file; closed. */
async function filled(t: Test, folder: string, count: number): Promise<Files> {
  mkdirSync(folder, { recursive: true })
  const files = filesOf(`${folder}/store.db`, count)
  const store = await opened(t, files)
  for (const at of files.keys()) {
    const name = userDbName(userIn(at, count))
    await store.createDatabase(name)
    await storeOne(databaseOf(store, name), interactive('doc'))
  }
  await store.close()
  return files
}

/** What lies in a folder, byte by byte. */
function bytesIn(folder: string) {
  const files = readdirSync(folder).filter(name => !/\.lock|-shm$|-wal$/.test(name))
  return files.sort().map(name => [name, readFileSync(`${folder}/${name}`).toString('base64')])
}

/** It is refused with this line, whose end is what to do, and nothing of it is changed or left open. */
async function refused(t: Test, files: Files, message: RegExp): Promise<void> {
  const folder = dirname(files[0])
  const before = bytesIn(folder)
  await t.rejects(opened(t, files), { name: 'StoreError', message })
  t.same(bytesIn(folder), before, 'nothing was touched')
}

t.test('where a database lies follows from its name, for ever', async t => {
  const users = Array.from({ length: 3000 }, (_, n) => `user-${n}`)
  for (const count of [2, 3, 4, 16, 32]) {
    const sizes = new Map<number, number>()
    for (const user of users) {
      const at = shardOf(userDbName(user), count)
      sizes.set(at, (sizes.get(at) ?? 0) + 1)
    }
    t.equal(sizes.size, count)
    t.ok(
      Math.min(...sizes.values()) > 3000 / count / 2,
      `each of ${count} has its share: ${[...sizes.values()]}`,
    )
    for (const suffix of ['-metrics', '-anything'])
      t.equal(shardOf(`${userDbName('me')}${suffix}`, count), shardOf(userDbName('me'), count))
    for (const name of ['_users', 'userdb-', 'userdb-xyz', 'userdb-6dg', 'userdb', 'a'])
      t.equal(shardOf(name, count), 0, name)
  }
  const name = userDbName('6f1c2a34-9d5b-4c1e-8a70-2f6f1e0b9a11')
  t.same(
    [2, 3, 4, 5, 16, 32].map(count => shardOf(name, count)),
    [1, 2, 3, 2, 7, 7],
  )
})

t.test('a store that is opened again is the same; one that was made halfway is made to its end', async t => {
  const folder = t.testdir()
  const files = await filled(t, folder, 3)
  const again = await opened(t, files)
  for (const at of files.keys()) t.ok(databaseOf(again, userDbName(userIn(at, 3))).doc('doc'))
  await t.rejects(opened(t, files), { message: /store\.db is already open in another process$/ })
  await again.close()

  const half = filesOf(`${folder}/half/store.db`, 3)
  const first = new Connection(open, files[0], { readOnly: true })
  const [set = ''] = first.row<[string]>("select value from store where key = 'shard'") ?? []
  first.close()
  t.match(set, /^1\/3 [0-9a-f]{32}$/)
  for (const kept of [1, 2]) {
    await (await opened(t, half)).close()
    const connection = new Connection(open, half[0])
    connection.exec("update store set value = value || ' begun' where key = 'shard'")
    connection.close()
    for (const file of half.slice(kept)) rmSync(file)
    writeFileSync(half[2] ?? '', '')
    const store = await opened(t, half)
    t.same(store.databaseNames({ limit: 9 }), [])
    await store.close()
    await (await opened(t, half)).close()
  }
})

t.test('what is not one whole store of so many files is refused with one line', async t => {
  const folder = t.testdir()
  const three = await filled(t, `${folder}/three`, 3)
  const [first, second = '', third = ''] = three
  const again = /set DIVAN_SHARDS=3, or divide it anew with "divan reshard"$/
  await refused(t, filesOf(`${folder}/three/store.db`, 2), again)
  await refused(t, filesOf(`${folder}/three/store.db`, 4), again)
  await refused(t, [first], again)
  await refused(t, [second], /is file 2 of a store of 3 files: set DIVAN_SHARDS=3/)

  renameSync(second, `${folder}/aside`)
  await refused(
    t,
    three,
    /store-2\.db, file 2 of the 3 of this store, is missing: bring it back, or restore a backup$/,
  )
  copyFileSync(third, second)
  await refused(t, three, /store-2\.db is file 3 of its store and stands in the place of file 2: give/)
  const other = await filled(t, `${folder}/other`, 3)
  copyFileSync(other[1] ?? '', second)
  await refused(t, three, /store-2\.db belongs to another store, or .* bring back the file/)
  await (await openStore({ file: `${folder}/one.db` })).close()
  copyFileSync(`${folder}/one.db`, second)
  await refused(
    t,
    three,
    /store-2\.db is a store of one file: set DIVAN_SHARDS=1, or divide it with "divan reshard"$/,
  )
  writeFileSync(second, 'not a database at all, but long enough to look at. '.repeat(200))
  await refused(t, three, /store-2\.db cannot be opened: file is not a database$/)
  renameSync(`${folder}/aside`, second)

  renameSync(first, `${folder}/aside`)
  await refused(t, three, /store\.db, file 1 of the 3 of this store, is missing/)
  await refused(t, [first], /store\.db, file 1 of the 3 of this store, is missing/)
  writeFileSync(first, '')
  await refused(t, [first], /store\.db, file 1 of the 3 of this store, is missing/)
  copyFileSync(`${folder}/one.db`, first)
  await refused(t, three, /store\.db is a store of one file/)
  renameSync(`${folder}/aside`, first)

  setRestoreMark(third)
  await refused(t, three, /a restore of .*store-3\.db was cut off: run it again$/)
  rmSync(`${third}.unfinished-restore`)
  await (await opened(t, three)).close()
})

t.test('the other files lie beside the first, not beside a link to it', async t => {
  const folder = t.testdir({ elsewhere: {} })
  const files = await filled(t, `${folder}/data`, 2)
  symlinkSync(files[0], `${folder}/elsewhere/store.db`)
  const store = await opened(t, [`${folder}/elsewhere/store.db`, '-'])
  for (const at of files.keys()) t.ok(databaseOf(store, userDbName(userIn(at, 2))).doc('doc'))
  await store.close()
  t.same(readdirSync(`${folder}/elsewhere`), ['store.db'])

  mkdirSync(`${folder}/other`)
  symlinkSync(`${folder}/other/store.db`, `${folder}/elsewhere/new.db`)
  for (let start = 0; start < 2; start++) await (await opened(t, [`${folder}/elsewhere/new.db`, '-'])).close()
  t.ok(existsSync(`${folder}/other/store-2.db`), 'also when the link leads to a file that is still to come')
  t.same(readdirSync(`${folder}/elsewhere`), ['new.db', 'store.db'])
})

t.test('a file of one store is no part of another, and what is no store is in nobody’s way', async t => {
  const folder = t.testdir({ 'store-2.db': 'of somebody else', 'store-x.db': '' })
  await (await opened(t, [`${folder}/store.db`])).close()
  await (await opened(t, [`${folder}/store.db`])).close()
})

t.test('when one file cannot be opened none is', async t => {
  const folder = t.testdir()
  const files = await filled(t, folder, 3)
  const lock = new Connection(open, `${files[2]}.lock`)
  lock.exec('begin exclusive')
  await t.rejects(opened(t, files), { message: /store-3\.db is already open in another process/ })
  lock.close()
  await (await opened(t, files)).close()
})
