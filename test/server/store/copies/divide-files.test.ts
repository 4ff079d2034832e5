import { copyFileSync, cpSync, existsSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import t from 'tap'
import { userDbName } from '../../../../design-docs/user-db.ts'
import { backupFiles } from '../../../../server/store/copies/backup-files.ts'
import { divideFiles } from '../../../../server/store/copies/divide-files.ts'
import { restoreFiles } from '../../../../server/store/copies/restore-files.ts'
import { startDivision } from '../../../../server/store/copies/start-copy.ts'
import { filesOf, filesThere } from '../../../../server/store/sharded/files-of.ts'
import { findMark } from '../../../../server/store/sharded/set-marks.ts'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { setRestoreMark } from '../../../../server/store/sqlite/restore-mark.ts'
import { collectGarbage } from '../../../fixtures/collect-garbage.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { databaseOf, interactive, store as storeOne } from '../contract/subject.ts'
import { BACK_TO_1 } from '../sqlite/back-to-format-1.ts'
import { checkFile } from '../sqlite/check-file.ts'
import { copyProcesses } from '../sqlite/copy-processes.ts'
import { closed, contentsOf, fill, opened, USERS } from './filled-files.ts'

const open = await loadDriver()

t.test('a store that is divided over other numbers of files is to its clients what it was', async t => {
  const file = `${t.testdir()}/store.db`
  const before = await opened(t, file, 1)
  await fill(before)
  const contents = contentsOf(before)
  const { uuid } = before
  const names = before.databaseNames({ limit: 1000 })
  const updates = before.updatesSequence(before.updatesPlace('now').place)
  await closed(before)
  const older = new Connection(open, file)
  older.exec(BACK_TO_1)
  older.close()
  let old = updates
  for (const count of [3, 2, 1]) {
    const { replaced, ...facts } = await startDivision({ file, count }).done
    t.match(facts, { databases: names.length, files: count })
    t.same(filesThere(file), filesOf(file, count), 'no file of before lies there')
    for (const one of filesThere(file)) t.same(await checkFile(one), [])
    t.ok(existsSync(`${replaced}/store.db`), 'what it was is kept')
    const after = await opened(t, file, count)
    t.same(contentsOf(after), contents, `in ${count} files`)
    t.equal(after.uuid, uuid)
    const { place, rewound } = after.updatesPlace(old)
    t.equal(rewound, true, 'the log of updates begins anew')
    const told = after.dbUpdates({ after: place, limit: 1000 })
    t.same(told.map(({ name }) => name).sort(), [...names, 'gone'].sort(), 'each database once')
    old = after.updatesSequence(after.updatesPlace('now').place)
    await closed(after)
    t.same(
      readdirSync(`${file}/..`.replace('store.db/..', '')).filter(name => /restoring|unfinished/.test(name)),
      [],
    )
  }
  const last = await opened(t, file, 1)
  const database = databaseOf(last, userDbName(USERS[0] ?? ''))
  const attachments = [{ name: 'z', contentType: 'a/b', data: Buffer.from('more') }]
  await storeOne(database, interactive('later', undefined, { attachments }))
  await last.deleteDatabase(database.name)
  await closed(last)
  t.same(await checkFile(file), [])
})

t.test('a division that was killed leaves the store as it was, or is gone on with', async t => {
  const random = seededRandom(t)
  const folder = t.testdir()
  const file = `${folder}/store.db`
  const store = await opened(t, file, 1)
  await fill(store)
  const contents = contentsOf(store)
  await closed(store)
  const { copyUntilKilled } = copyProcesses(folder)
  const { ms } = await copyUntilKilled(['division', file, '2'], 60_000)
  let shards = 2
  const longest = new Map([[2, ms]])
  const seen = new Map<string, number>()
  for (let round = 0; round < rounds(3, 100); round++) {
    const count = random.pick([1, 2, 4, 32].filter(other => other !== shards))
    // 32 files take longer; the first time their makers are killed early.
    const killAfterMs = random.below((longest.get(count) ?? ms) * 1.1)
    const run = await copyUntilKilled(['division', file, String(count)], killAfterMs)
    const { end } = run
    longest.set(count, Math.max(run.ms, longest.get(count) ?? 2 * ms))
    const isCutOff = existsSync(`${file}.unfinished-restore`)
    if (isCutOff) {
      await t.rejects(opened(t, file, shards), { message: /a division of .* was cut off: run it again/ })
      t.equal(
        (await copyUntilKilled(['division', file, String(count)], 60_000)).end,
        1,
        'nothing more is to be done',
      )
    }
    if (isCutOff || filesThere(file).length === count) shards = count
    const after = await opened(t, file, shards)
    t.same(contentsOf(after), contents, `round ${round}: ${end}, ${shards} files`)
    await closed(after)
    const what = `${end}${isCutOff ? ' within' : ''}`
    seen.set(what, (seen.get(what) ?? 0) + 1)
    for (const name of readdirSync(folder))
      if (/replaced/.test(name)) rmSync(`${folder}/${name}`, { recursive: true })
  }
  t.comment([...seen].join('; '))
})

t.test('a division that was cut off between two of its files is gone on with', async t => {
  const folder = t.testdir({ old: {}, new: {} })
  const store = await opened(t, `${folder}/old/store.db`, 2)
  await fill(store)
  const contents = contentsOf(store)
  await closed(store)
  cpSync(`${folder}/old`, `${folder}/new`, { recursive: true })
  divideFiles(open, { file: `${folder}/new/store.db`, count: 3 })
  const found = findMark(open, `${folder}/new/store.db`)
  const set = typeof found === 'object' ? found.set : null
  let cuts = 0
  const cutOff = async (done: number, what = 'division') => {
    const file = `${folder}/cut-${cuts++}/store.db`
    cpSync(`${folder}/old`, dirname(file), { recursive: true })
    for (const [at, fresh] of filesOf(file, 3).entries()) {
      const from = `${folder}/new/${basename(fresh)}`
      if (at < done) copyFileSync(from, fresh)
      else copyFileSync(from, `${fresh}.restoring`)
    }
    setRestoreMark(file, JSON.stringify({ what, count: 3, set }))
    for (const shards of [1, 3]) {
      await t.rejects(opened(t, file, shards), {
        name: 'StoreError',
        message: `a ${what} of ${file} was cut off: run it again`,
      })
    }
    await collectGarbage()
    return file
  }
  for (const done of [0, 1, 2, 3]) {
    const file = await cutOff(done)
    t.throws(() => divideFiles(open, { file, count: 3 }), { message: /is divided over 3 already/ })
    const after = await opened(t, file, 3)
    t.same(contentsOf(after), contents, `after ${done} files`)
    await closed(after)
  }
  const untouched = await cutOff(0)
  rmSync(`${filesOf(untouched, 3)[1]}.restoring`)
  const divideAgain = () => divideFiles(open, { file: untouched, count: 3 })
  t.throws(divideAgain, { name: 'StoreError', message: /had changed nothing yet: run it again$/ })
  await collectGarbage()
  t.match(divideAgain(), { files: 3 })
  const anew = await opened(t, untouched, 3)
  t.same(contentsOf(anew), contents)
  await closed(anew)
  const file = await cutOff(1)
  rmSync(`${filesOf(file, 3)[2]}.restoring`)
  t.throws(() => divideFiles(open, { file, count: 3 }), {
    message: /store-3\.db can be finished no more: restore what was put aside, or a backup$/,
  })
  const backup = `${folder}/backup`
  backupFiles(open, { file: `${folder}/new/store.db`, target: backup })
  for (const broken of [file, await cutOff(2, 'restore')]) {
    await collectGarbage()
    restoreFiles(open, { file: broken, backup })
    const after = await opened(t, broken, 3)
    t.equal(contentsOf(after).length, contents.length)
    await closed(after)
  }
})

t.test(
  'a disk that is full when the files are to take their places leaves the store as it is',
  { skip: existsSync('/dev/full') ? false : 'no device that is always full' },
  async t => {
    const folder = t.testdir()
    const file = `${folder}/store.db`
    const store = await opened(t, file, 1)
    await fill(store)
    const contents = contentsOf(store)
    await closed(store)
    symlinkSync('/dev/full', `${file}.unfinished-restore.draft`)
    await t.rejects(startDivision({ file, count: 2 }).done, {
      name: 'StoreError',
      message: /store\.db cannot be divided: the disk is full$/,
    })
    t.same(
      readdirSync(folder).filter(name => /restoring|unfinished|store-\d+\.db$/.test(name)),
      [],
    )
    const after = await opened(t, file, 1)
    t.same(contentsOf(after), contents)
    await closed(after)
    t.match(divideFiles(open, { file, count: 2 }), { files: 2 }, 'with room again it is divided')
  },
)

t.test('what cannot be divided is one line, and the store stays as it is', async t => {
  const folder = t.testdir()
  const file = `${folder}/store.db`
  const divide = async (count: number) => {
    await collectGarbage()
    return divideFiles(open, { file, count })
  }
  await t.rejects(divide(2), {
    name: 'StoreError',
    message: /^there is no store to divide: .*store\.db does not exist$/,
  })
  writeFileSync(file, '')
  await t.rejects(divide(2), { name: 'StoreError', message: /^there is no store to divide: .*db is empty$/ })
  const store = await opened(t, file, 2)
  await t.rejects(divide(3), { message: /store\.db is already open in another process$/ })
  await closed(store)
  await t.rejects(divide(2), { message: /is divided over 2 already: nothing is to be done$/ })
  for (const one of filesOf(file, 2)) {
    setRestoreMark(one)
    await t.rejects(divide(3), { message: /^a restore of .* was cut off: run it again$/ })
    rmSync(`${one}.unfinished-restore`)
  }
  rmSync(filesOf(file, 2)[1] ?? '')
  await t.rejects(divide(3), { message: /store-2\.db, file 2 of the 2 of this store, is missing/ })
  t.same(
    readdirSync(folder).filter(name => /restoring|replaced|unfinished/.test(name)),
    [],
  )
})
