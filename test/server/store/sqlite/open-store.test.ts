import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import t from 'tap'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { FORMAT_VERSION } from '../../../../server/store/sqlite/schema.ts'
import { databaseOf, interactive, store as storeOne } from '../contract/subject.ts'

const open = await loadDriver()

async function run(file: string, sql: string): Promise<void> {
  const connection = new Connection(open, file)
  connection.exec(sql)
  connection.close()
}

t.test('what was written is there after a restart, and the uuid stays', async t => {
  const file = `${t.testdir()}/deep/folder/store.db`
  const first = await openStore({ file })
  await first.createDatabase('a')
  const rev = await storeOne(databaseOf(first, 'a'), interactive('x'))
  await first.close()
  const second = await openStore({ file })
  t.equal(second.uuid, first.uuid)
  t.equal(databaseOf(second, 'a').doc('x')?.tree.winner.rev, rev)
  await databaseOf(second, 'a').forgetReplicationLogs()
  t.equal(second.uuid, first.uuid, 'also when one database went back in time')
  await second.forgetReplicationLogs()
  const renewed = second.uuid
  t.not(renewed, first.uuid)
  await second.close()
  const third = await openStore({ file })
  t.equal(third.uuid, renewed, 'also one that was renewed')
  await third.forgetReplicationLogs()
  t.not(third.uuid, renewed, 'each run may find out that time went back')
  await third.close()
})

t.test('a second server on the same file is refused until the first has closed it', async t => {
  const file = `${t.testdir()}/store.db`
  const first = await openStore({ file })
  await t.rejects(openStore({ file }), {
    name: 'StoreError',
    message: `${file} is already open in another process`,
  })
  await first.close()
  await (await openStore({ file })).close()
})

t.test('a store has one lock, whatever name it is opened by', async t => {
  const folder = t.testdir({ data: {}, folder: t.fixture('symlink', 'data') })
  const real = `${folder}/data/store.db`
  symlinkSync('data/store.db', `${folder}/link.db`)
  symlinkSync('../link.db', `${folder}/data/link-of-link.db`)
  const names = [real, `${folder}/link.db`, `${folder}/folder/store.db`, `${folder}/folder/link-of-link.db`]
  // The first opens a file that is not there yet.
  for (const first of names) {
    const store = await openStore({ file: first })
    for (const file of names) {
      await t.rejects(openStore({ file }), { message: `${real} is already open in another process` })
    }
    await store.close()
    rmSync(real)
  }
  t.same(readdirSync(folder).sort(), ['data', 'folder', 'link.db'], 'all lies beside the file itself')
  symlinkSync('loop.db', `${folder}/loop.db`)
  await t.rejects(openStore({ file: `${folder}/loop.db` }), { message: /loop\.db cannot be opened: ELOOP/ })
})

t.test('what is no store of this format is refused with one line, and stays as it is', async t => {
  const folder = t.testdir({ 'text.db': 'not a database at all, but long enough to look at. '.repeat(20) })
  await t.rejects(openStore({ file: `${folder}/text.db` }), {
    name: 'StoreError',
    message: /text\.db cannot be opened: .*not a database/,
  })

  await run(`${folder}/other.db`, 'create table theirs (x); pragma user_version = 1')
  await t.rejects(openStore({ file: `${folder}/other.db` }), { message: /is a database of another program/ })

  const file = `${folder}/newer.db`
  await (await openStore({ file })).close()
  await run(file, `pragma user_version = ${FORMAT_VERSION + 1}`)
  await t.rejects(openStore({ file }), {
    name: 'StoreError',
    message: `${file} has format ${FORMAT_VERSION + 1}; this version reads up to ${FORMAT_VERSION}: update Divan`,
  })
  await run(file, `pragma user_version = ${FORMAT_VERSION}`)
  await (await openStore({ file })).close()
})

t.test('a folder or file that cannot be used is one line', async t => {
  const folder = t.testdir({ 'a-file': '' })
  await t.rejects(openStore({ file: `${folder}/a-file/store.db` }), {
    name: 'StoreError',
    message: /^the folder .*a-file cannot be written: /,
  })
  await t.rejects(openStore({ file: '' }), { name: 'StoreError', message: "the store's file has no name" })
  t.notOk(existsSync('.lock'), 'and nothing is left in the current folder')
  mkdirSync(`${folder}/store.db`)
  await t.rejects(openStore({ file: `${folder}/store.db` }), {
    name: 'StoreError',
    message: /store\.db cannot be opened/,
  })
})

t.test(
  'a file that may not be read, or not be written, is one line',
  { skip: process.getuid?.() === 0 && 'root reads and writes everything' },
  async t => {
    const file = `${t.testdir()}/store.db`
    await (await openStore({ file })).close()
    for (const mode of [0, 0o444]) {
      chmodSync(file, mode)
      await t.rejects(openStore({ file }), {
        name: 'StoreError',
        message: /store\.db cannot be read and written: EACCES/,
      })
    }
  },
)

t.test('after close, writes are refused, and close waits for those accepted before', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await openStore({ file })
  await store.createDatabase('a')
  const database = databaseOf(store, 'a')
  const writing = database.write(Array.from({ length: 2000 }, (_, n) => interactive(`doc${n}`)))
  const closing = store.close()
  await t.rejects(store.createDatabase('b'), { name: 'CouchError', word: 'service_unavailable' })
  t.equal((await writing).filter(({ ok }) => ok).length, 2000)
  await Promise.all([closing, store.close()])
  const again = await openStore({ file })
  t.equal(databaseOf(again, 'a').facts().docCount, 2000)
  await again.close()
})
