import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename } from 'node:path'
import t from 'tap'
import { userDbName } from '../../../../design-docs/user-db.ts'
import { backupFiles } from '../../../../server/store/copies/backup-files.ts'
import { divideFiles } from '../../../../server/store/copies/divide-files.ts'
import { restoreFiles } from '../../../../server/store/copies/restore-files.ts'
import { startBackup, startRestore } from '../../../../server/store/copies/start-copy.ts'
import { filesOf, filesThere } from '../../../../server/store/sharded/files-of.ts'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver, type OpenDatabase } from '../../../../server/store/sqlite/driver.ts'
import { setRestoreMark } from '../../../../server/store/sqlite/restore-mark.ts'
import { StoreError } from '../../../../server/store/store-error.ts'
import { collectGarbage } from '../../../fixtures/collect-garbage.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { databaseOf, interactive, store as storeOne } from '../contract/subject.ts'
import { checkFile } from '../sqlite/check-file.ts'
import { copyProcesses } from '../sqlite/copy-processes.ts'
import { closed, contentsOf, fill, opened, USERS } from './filled-files.ts'

const open = await loadDriver()
const names = USERS.map(user => userDbName(user))

async function restore(file: string, backup: string) {
  await collectGarbage()
  return restoreFiles(open, { file, backup })
}

t.test('a backup of a store of three files, taken while it is written, is restored as one', async t => {
  const folder = t.testdir()
  const file = `${folder}/store.db`
  const store = await opened(t, file, 3)
  await fill(store)
  const contents = contentsOf(store)
  const updates = store.updatesSequence(store.updatesPlace('now').place)
  const backup = `${folder}/backup`
  t.match(await startBackup({ file, target: backup }).done, { databases: 2 * USERS.length + 1, files: 3 })
  t.same(readdirSync(backup).sort(), ['manifest.json', 'store-2.db', 'store-3.db', 'store.db'])
  t.equal(statSync(backup).mode & 0o777, 0o700, 'it is its user’s alone')
  const known = names.map(name => {
    const database = databaseOf(store, name)
    return database.sequence(database.facts().updateSeq)
  })
  for (const name of names) await storeOne(databaseOf(store, name), interactive('lost'))
  const seen = names.map(name => {
    const database = databaseOf(store, name)
    return database.sequence(database.facts().updateSeq)
  })
  await t.rejects(startRestore({ file, backup }).done, {
    message: /store\.db is already open in another process/,
  })
  const { uuid } = store
  await closed(store)

  const { replaced = '', ...facts } = await restore(file, backup)
  t.match(facts, { databases: 2 * USERS.length + 1, files: 3 })
  const after = await opened(t, file, 3)
  t.same(
    contentsOf(after).map(({ locals, ...rest }) => rest),
    contents.map(({ locals, ...rest }) => rest),
  )
  t.not(after.uuid, uuid)
  t.equal(after.updatesPlace(updates).rewound, false)
  for (const [at, name] of names.entries()) {
    const database = databaseOf(after, name)
    t.equal(database.place(known[at] ?? '').rewound, false)
    t.equal(database.place(seen[at] ?? '').rewound, true)
    t.same([database.localDoc('log'), database.localDoc('app') !== undefined], [undefined, true])
  }
  await closed(after)
  for (const one of filesThere(file)) t.same(await checkFile(one), [])
  const [first = '', second = ''] = filesOf(file, 3)
  copyFileSync(`${replaced}/store-2.db`, `${folder}/kept`)
  renameSync(second, `${folder}/aside`)
  copyFileSync(`${folder}/kept`, second)
  await t.rejects(opened(t, first, 3), {
    message: /store-2\.db belongs to another store, or to this one before/,
  })
  renameSync(`${folder}/aside`, second)

  t.match(
    await restore(file, replaced),
    { documents: facts.documents + names.length, files: 3 },
    'what was put aside, too',
  )
  await closed(await opened(t, file, 3))
})

t.test('one file takes the place of three, and three of one', async t => {
  const folder = t.testdir({ a: {}, b: {} })
  const [one, three] = [`${folder}/a/store.db`, `${folder}/b/store.db`]
  for (const [file, shards] of [
    [one, 1],
    [three, 3],
  ] as const) {
    const store = await opened(t, file, shards)
    await store.createDatabase(`was-in-${shards}`)
    await closed(store)
    await collectGarbage()
    backupFiles(open, { file, target: `${folder}/backup-${shards}` })
  }
  const { replaced } = await restore(one, `${folder}/backup-3`)
  await t.rejects(opened(t, one, 1), { message: /is file 1 of a store of 3 files: set DIVAN_SHARDS=3/ })
  const store = await opened(t, one, 3)
  t.same(store.databaseNames({ limit: 9 }), ['was-in-3'])
  await closed(store)
  t.match(await restore(three, `${folder}/backup-1`), { files: 1 })
  t.same(filesThere(three), [three])
  const single = await opened(t, three, 1)
  t.same(single.databaseNames({ limit: 9 }), ['was-in-1'])
  await closed(single)
  await restore(one, replaced ?? '')
  const again = await opened(t, one, 1)
  t.same(again.databaseNames({ limit: 9 }), ['was-in-1'])
  await closed(again)
})

t.test(
  'a restore that was killed leaves the old store or the new one, or is shut until it is done',
  async t => {
    const random = seededRandom(t)
    const folder = t.testdir({ template: {} })
    const template = `${folder}/template/store.db`
    const store = await opened(t, template, 3)
    await fill(store)
    await startBackup({ file: template, target: `${folder}/backup` }).done
    for (const name of names) await storeOne(databaseOf(store, name), interactive('old'))
    await closed(store)
    const { copyUntilKilled } = copyProcesses(folder)
    const take = (round: string) => {
      cpSync(`${folder}/template`, `${folder}/${round}`, { recursive: true })
      return `${folder}/${round}/store.db`
    }
    const backup = `${folder}/backup`
    const { ms } = await copyUntilKilled(['restore', take('timed'), backup], 60_000)
    const seen = new Map<string, number>()
    for (let round = 0; round < rounds(3, 100); round++) {
      const file = take(`${round}`)
      const { end } = await copyUntilKilled(['restore', file, backup], random.below(ms * 1.1))
      const isCutOff = existsSync(`${file}.unfinished-restore`)
      if (isCutOff) {
        await t.rejects(opened(t, file, 3), { message: /a restore of .* was cut off: run it again/ })
        t.equal((await copyUntilKilled(['restore', file, backup], 60_000)).end, 0)
      }
      const after = await opened(t, file, 3)
      const old = names.filter(name => databaseOf(after, name).doc('old') !== undefined)
      t.ok(old.length === 0 || old.length === names.length, `all or nothing: ${old.length}`)
      if (end === 0 || isCutOff) t.equal(old.length, 0, 'what says it is done is done')
      await closed(after)
      const what = `${end}: ${isCutOff ? 'cut off' : old.length > 0 ? 'old' : 'new'}`
      seen.set(what, (seen.get(what) ?? 0) + 1)
    }
    t.comment([...seen].join('; '))
  },
)

t.test('what a lost file left is not replayed into the one that takes its place', async t => {
  const folder = t.testdir({ logs: {} })
  const file = `${folder}/store.db`
  const store = await opened(t, file, 3)
  await fill(store)
  const contents = contentsOf(store)
  const backup = `${folder}/backup`
  backupFiles(open, { file, target: backup })
  for (const name of names) await storeOne(databaseOf(store, name), interactive('later'))
  const files = filesOf(file, 3)
  const logs = () => files.map(one => [`${one}-wal`, `${folder}/logs/${basename(one)}-wal`] as const)
  for (const [log, copy] of logs()) copyFileSync(log, copy)
  await closed(store)

  const [, second = '', third = ''] = files
  for (const lost of [second, third]) rmSync(lost)
  for (const [log, copy] of logs().slice(1)) copyFileSync(copy, log)
  const { replaced } = await restore(file, backup)
  t.ok(existsSync(`${replaced}/store-2.db-wal`), 'it is kept')
  const after = await opened(t, file, 3)
  const withoutLogs = (all: typeof contents) => all.map(({ locals, ...rest }) => rest)
  t.same(withoutLogs(contentsOf(after)), withoutLogs(contents))
  await closed(after)
  for (const one of files) t.same(await checkFile(one), [])

  await restore(file, `${folder}/backup`)
  divideFiles(open, { file, count: 1 })
  for (const [log, copy] of logs().slice(1)) copyFileSync(copy, log)
  await collectGarbage()
  divideFiles(open, { file, count: 3 })
  const divided = await opened(t, file, 3)
  t.same(withoutLogs(contentsOf(divided)), withoutLogs(contents), 'nor into one that is made by a division')
  await closed(divided)
})

t.test('a file that a link leads to another disk for is found again in what was put aside', async t => {
  const folder = t.testdir({ data: {}, disk: {} })
  const file = `${folder}/data/store.db`
  const second = `${folder}/data/store-2.db`
  const store = await opened(t, file, 2)
  await fill(store)
  const contents = contentsOf(store)
  await closed(store)
  renameSync(second, `${folder}/disk/store-2.db`)
  symlinkSync('../disk/store-2.db', second)
  await closed(await opened(t, file, 2))
  const { replaced = '' } = divideFiles(open, { file, count: 3 })
  await closed(await opened(t, file, 3))
  t.match(await restore(file, replaced), { files: 2 })
  const after = await opened(t, file, 2)
  t.same(
    after.databaseNames({ limit: 100 }),
    contents.map(({ name }) => name),
  )
  t.same(
    readdirSync(`${folder}/disk`).filter(name => /\.db$/.test(name)),
    ['store-2.db'],
  )
  await closed(after)
})

t.test('a backup is refused of a store that is not whole, was cut off, or is replaced meanwhile', async t => {
  const folder = t.testdir()
  const file = `${folder}/store.db`
  const backup = (target = `${folder}/backup`) => backupFiles(open, { file, target })
  await closed(await opened(t, file, 3))
  const [first, second = '', third = ''] = filesOf(file, 3)
  setRestoreMark(first)
  t.throws(() => backup(), { message: /a restore of .* was cut off: run it again$/ })
  rmSync(`${first}.unfinished-restore`)
  for (const target of [second, `${folder}/store-32.db`]) t.throws(() => backup(target), StoreError)
  t.throws(() => backup(`${folder}/store-32.db`), { message: /files of its own: choose another$/ })

  cpSync(second, `${folder}/second`)
  divideFiles(open, { file, count: 2 })
  divideFiles(open, { file, count: 3 })
  // The one after the first: when that was copied they were replaced.
  const replacing: OpenDatabase = class extends open {
    constructor(path: string, options?: object) {
      if (path === second && existsSync(`${folder}/backup.partial/store.db`))
        cpSync(`${folder}/second`, second)
      super(path, options)
    }
  }
  t.throws(() => backupFiles(replacing, { file, target: `${folder}/backup` }), {
    message: /store-2\.db belongs to another store, or to this one before it was restored or divided/,
  })
  t.notOk(existsSync(`${folder}/backup`))
  t.same(
    readdirSync(folder).filter(name => /partial/.test(name)),
    [],
  )

  for (const one of [second, third]) rmSync(one)
  const begun = new Connection(open, first)
  begun.exec("update store set value = value || ' begun' where key = 'shard'")
  begun.close()
  t.throws(() => backup(), {
    message: /the store was not made to its end, .*store-2\.db is still to come: start the server once$/,
  })
  await collectGarbage()
  t.match(divideFiles(open, { file, count: 2 }), { files: 2, databases: 0 }, 'it can be divided')
  await closed(await opened(t, file, 2))
})

t.test('what is no whole backup is one line, and the store stays as it is', async t => {
  const folder = t.testdir({ empty: {}, taken: {}, 'a-file': 'mine' })
  writeFileSync(`${folder}/taken/mine`, '')
  const file = `${folder}/store.db`
  const store = await opened(t, file, 3)
  const backup = `${folder}/backup`
  backupFiles(open, { file, target: backup })
  for (const target of ['taken', 'a-file', 'backup']) {
    t.throws(() => backupFiles(open, { file, target: `${folder}/${target}` }), {
      message: /exists: a backup overwrites nothing/,
    })
  }
  t.throws(() => backupFiles(open, { file, target: `${file}.restoring` }), { message: /files of its own/ })
  t.throws(() => backupFiles(open, { file, target: `${folder}/no/b` }), {
    message: /^the folder .*\/no cannot be written/,
  })
  await closed(store)

  const damaged = (change: (copy: string) => void) => {
    const copy = `${folder}/copy`
    rmSync(copy, { recursive: true, force: true })
    cpSync(backup, copy, { recursive: true })
    change(copy)
    return restore(file, copy)
  }
  await t.rejects(
    damaged(copy => rmSync(`${copy}/store-2.db`)),
    { message: /the backup is not whole: .*store-2\.db is missing/ },
  )
  await t.rejects(
    damaged(copy => truncateSync(`${copy}/store-3.db`, 8192)),
    { message: /store-3\.db is not what it was when it was made/ },
  )
  await t.rejects(
    damaged(copy => copyFileSync(`${copy}/store-3.db`, `${copy}/store-2.db`)),
    { message: /store-2\.db is not what it was/ },
  )
  await t.rejects(
    damaged(copy => rmSync(`${copy}/manifest.json`)),
    { message: /^there is no backup: .*copy is a folder without a manifest\.json/ },
  )
  await t.rejects(
    damaged(copy => writeFileSync(`${copy}/manifest.json`, '{"store":"divan","files":[{"name":"../x"}]}')),
    { message: /^there is no backup/ },
  )
  await t.rejects(restore(file, `${folder}/empty`), { message: /^there is no backup/ })
  await t.rejects(restore(file, `${backup}/store.db`), {
    message: /is file 1 of a backup of 3 files: name the folder it is in$/,
  })
  t.same(
    readdirSync(folder).filter(name => /restoring|replaced|unfinished|partial/.test(name)),
    [],
  )
  await closed(await opened(t, file, 3))
})
