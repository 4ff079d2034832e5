import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startRestore } from '../../../../server/store/copies/start-copy.ts'
import { backupStore } from '../../../../server/store/sqlite/backup-store.ts'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { setRestoreMark } from '../../../../server/store/sqlite/restore-mark.ts'
import { restoreStore } from '../../../../server/store/sqlite/restore-store.ts'
import { FORMAT_VERSION } from '../../../../server/store/sqlite/schema.ts'
import { collectGarbage } from '../../../fixtures/collect-garbage.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { databaseOf, interactive, store as storeOne } from '../contract/subject.ts'
import { BACK_TO_1 } from './back-to-format-1.ts'
import { checkFile } from './check-file.ts'
import { copyProcesses } from './copy-processes.ts'
import { largeStore } from './large-store.ts'

const open = await loadDriver()
const LOG = JSON.stringify({ session_id: 's', history: [], last_seq: 7, replicator: 'pouchdb', version: 1 })

/** Restores as a process of its own would. */
async function restore(file: string, backup: string) {
  await collectGarbage()
  return restoreStore(open, { file, backup })
}

async function backUp(file: string, target: string): Promise<string> {
  backupStore(open, { file, target })
  return target
}

/** The ids of a store's documents that begin so, counted. */
function count(file: string, prefix: string): number {
  const connection = new Connection(open, file, { readOnly: true })
  const row = connection.row<[number]>(
    'select count(*) from docs where substr(id, 1, ?) = ?',
    prefix.length,
    prefix,
  )
  connection.close()
  return row?.[0] ?? 0
}

function replacedFiles(file: string): string[] {
  const folder = join(file, '..')
  return readdirSync(folder)
    .filter(name => /\.replaced-[-.\dTZ]+$/.test(name))
    .map(name => join(folder, name))
}

t.test('a restored store leads clients back, and has no replication log', async t => {
  const folder = t.testdir()
  const file = `${folder}/store.db`
  const before = await openStore({ file })
  await before.createDatabase('a')
  const old = databaseOf(before, 'a')
  await storeOne(old, interactive('x'))
  await old.writeLocalDoc('ZGl2YW4gaXMgYSBjb3VjaA==', undefined, LOG)
  await old.writeLocalDoc('pull:phone', undefined, '{"told":[]}')
  const known = old.sequence(1)
  const backup = await backUp(file, `${folder}/backup.db`)
  await storeOne(old, interactive('lost'))
  const seen = old.sequence(2)
  const updates = before.updatesSequence(before.updatesPlace('now').place)
  await before.close()

  const { replaced, ...facts } = await restore(file, backup)
  t.match(facts, { databases: 1, documents: 1 })
  t.equal(count(replaced ?? '', 'lost'), 1, 'the store that was there is kept')
  t.notOk(existsSync(`${file}-wal`), 'nothing of the old one lies beside the new')
  const after = await openStore({ file })
  const database = databaseOf(after, 'a')
  t.match(after.uuid, /^[0-9a-f]{32}$/)
  t.not(after.uuid, before.uuid, 'no client reads a log again that it wrote before')
  t.same(database.place(known), { n: 1, rewound: false })
  t.same(database.place(seen), { n: 1, rewound: true })
  t.equal(after.updatesPlace(updates).rewound, true)
  await storeOne(database, interactive('new'))
  t.not(database.sequence(2), seen, 'no sequence is issued twice')
  t.same(database.place(seen), { n: 1, rewound: true })
  t.equal(database.localDoc('ZGl2YW4gaXMgYSBjb3VjaA=='), undefined)
  t.equal(database.localDoc('pull:phone')?.body, '{"told":[]}', 'an app’s own local doc stays')
  await after.close()
  t.same(await checkFile(file), [])
  t.same(readFileSync(backup).subarray(0, 15).toString(), 'SQLite format 3', 'the backup is untouched')
  t.match(await restore(file, replaced ?? ''), { documents: 2 }, 'what was put aside can be restored too')
})

t.test('a restore that was killed leaves the old store or the new one, whole', async t => {
  const random = seededRandom(t)
  const folder = t.testdir({ template: {} })
  const template = `${folder}/template/store.db`
  // As a kill leaves a store: most of it is in the write-ahead log alone.
  const copyAs = (name: string) => {
    for (const suffix of ['', '-wal']) copyFileSync(`${template}${suffix}`, `${folder}/${name}${suffix}`)
  }
  await largeStore(template, 'new')
  const backup = await backUp(template, `${folder}/backup.db`)
  const docs = await largeStore(template, 'old', () => copyAs('killed.db'))
  const take = (round: number | string) => {
    mkdirSync(`${folder}/${round}`)
    for (const suffix of ['', '-wal'])
      copyFileSync(`${folder}/killed.db${suffix}`, `${folder}/${round}/store.db${suffix}`)
    return `${folder}/${round}/store.db`
  }
  const { copyUntilKilled } = copyProcesses(folder)
  const { ms } = await copyUntilKilled(['restore', take('timed'), backup], 60_000)
  let old = 0
  const times = rounds(4, 100)
  for (let round = 0; round < times; round++) {
    const file = take(round)
    const { end } = await copyUntilKilled(['restore', file, backup], random.below(ms * 1.1))
    const isOld = await isOldStore(t, file, docs)
    if (isOld) old++
    if (end === 0) t.notOk(isOld, 'what says it is done is done')
    if (!isOld)
      for (const aside of replacedFiles(file)) t.equal(count(aside, 'old'), docs, 'the old one is kept')
    t.same(await checkFile(file), [], `round ${round}: ${end}, ${isOld ? 'old' : 'new'}`)
  }
  t.comment(`${old} of ${times} times the old store`)
})

/** Opens it as the next start would. */
async function isOldStore(t: Test, file: string, docs: number): Promise<boolean> {
  await (await openStore({ file })).close()
  const [old, fresh] = [count(file, 'old'), count(file, 'new')]
  t.equal(fresh, docs, 'what is in both is there')
  t.ok(old === docs || old === 0, `all or nothing of what is in one: ${old}`)
  return old > 0
}

t.test('a store that cannot be opened is put aside with its log', async t => {
  const folder = t.testdir()
  const [file, source] = [`${folder}/store.db`, `${folder}/source.db`]
  await (await openStore({ file: source })).close()
  const backup = await backUp(source, `${folder}/backup.db`)
  writeFileSync(file, 'not a database at all, but long enough to look at. '.repeat(200))
  writeFileSync(`${file}-wal`, 'its log')
  const { replaced } = await restore(file, backup)
  t.match(readFileSync(replaced ?? '', 'utf8'), /^not a database/)
  t.equal(readFileSync(`${replaced}-wal`, 'utf8'), 'its log')
  await (await openStore({ file })).close()
  t.same(await checkFile(file), [])

  setRestoreMark(file)
  await t.rejects(openStore({ file }), {
    name: 'StoreError',
    message: `a restore of ${file} was cut off: run it again`,
  })
  await restore(file, backup)
  await (await openStore({ file })).close()
})

t.test(
  'a restore makes the store of an empty folder; a log that was left there does not get into it',
  async t => {
    const folder = t.testdir({ empty: {} })
    await (await openStore({ file: `${folder}/source.db` })).close()
    const backup = await backUp(`${folder}/source.db`, `${folder}/backup.db`)
    const file = `${folder}/empty/store.db`
    t.match(await restore(file, backup), { replaced: undefined, databases: 0 })
    t.same(await checkFile(file), [])
    writeFileSync(`${folder}/empty/other.db-wal`, 'left')
    await restore(`${folder}/empty/other.db`, backup)
    t.notOk(existsSync(`${folder}/empty/other.db-wal`))
  },
)

t.test('a store that is named by a symbolic link is restored where it is', async t => {
  const folder = t.testdir({ data: {} })
  const [real, link] = [`${folder}/data/store.db`, `${folder}/link.db`]
  symlinkSync('data/store.db', link)
  await (await openStore({ file: link })).close()
  const backup = await backUp(link, `${folder}/backup.db`)
  const store = await openStore({ file: real })
  await t.rejects(restore(link, backup), { message: `${real} is already open in another process` })
  await store.createDatabase('a')
  symlinkSync('data/store.db', `${folder}/taken-for-a-backup.db`)
  await t.rejects(restore(`${folder}/other.db`, `${folder}/taken-for-a-backup.db`), {
    message: /has a write-ahead log beside it/,
  })
  await store.close()
  const { replaced } = await restore(link, backup)
  t.equal(join(replaced ?? '', '..'), `${folder}/data`)
  t.ok(lstatSync(link).isSymbolicLink(), 'the link is still one')
  const given = startRestore({ file: link, backup: `${folder}/none.db` })
  writeFileSync(`${real}.restoring`, 'what was done of it')
  await t.rejects(given.done, { message: /^there is no backup/ })
  given.abandon()
  t.notOk(existsSync(`${real}.restoring`), 'the draft of one that is given up goes from where it is')
  const after = await openStore({ file: link })
  t.equal(after.database('a'), undefined)
  await after.close()
})

t.test('a backup of an older format becomes a store of today', async t => {
  const folder = t.testdir()
  const file = `${folder}/store.db`
  const before = await openStore({ file })
  await before.createDatabase('a')
  const attachments = ['x', 'y'].map(name => ({ name, contentType: 'a/b', data: Buffer.from('same bytes') }))
  await storeOne(databaseOf(before, 'a'), interactive('doc', undefined, { attachments }))
  await databaseOf(before, 'a').writeLocalDoc('log', undefined, LOG)
  await before.close()
  const backup = await backUp(file, `${folder}/backup.db`)
  const connection = new Connection(open, backup)
  connection.exec(BACK_TO_1)
  connection.close()
  const bytes = readFileSync(backup)

  t.match(await restore(file, backup), { databases: 1, documents: 1 })
  t.same(await checkFile(file), [], 'all that this version counts is counted')
  t.ok(readFileSync(backup).equals(bytes), 'the backup is what it was')
  const after = await openStore({ file })
  const database = databaseOf(after, 'a')
  t.equal(database.localDoc('log'), undefined)
  t.equal(database.facts().docCount, 1)
  await storeOne(database, interactive('later', undefined, { attachments }))
  await after.close()
  t.same(await checkFile(file), [])
})

t.test('what must not be restored is one line, and the store stays as it is', async t => {
  const folder = t.testdir({ 'text.db': 'not a database at all, but long enough. '.repeat(30) })
  const file = `${folder}/store.db`
  const store = await openStore({ file })
  await store.createDatabase('a')
  const backup = await backUp(file, `${folder}/backup.db`)
  await t.rejects(restore(file, backup), { message: `${file} is already open in another process` })
  await t.rejects(restore(file, file), { message: /is the store itself/ })
  await store.close()

  await t.rejects(restore(file, `${folder}/none.db`), {
    message: /^there is no backup: .*none\.db is no file$/,
  })
  await t.rejects(restore(file, `${folder}/text.db`), {
    message: /cannot be restored: file is not a database$/,
  })

  const edit = (name: string, change: (connection: Connection) => void) => {
    copyFileSync(backup, `${folder}/${name}`)
    const connection = new Connection(open, `${folder}/${name}`)
    change(connection)
    connection.close()
    return `${folder}/${name}`
  }
  const newer = edit('newer.db', c => c.exec(`pragma user_version = ${FORMAT_VERSION + 1}`))
  await t.rejects(restore(file, newer), { message: /newer\.db has format \d+; this version reads up to/ })
  const foreign = edit('foreign.db', c => c.exec('pragma application_id = 1'))
  await t.rejects(restore(file, foreign), { message: /foreign\.db is a database of another program/ })
  const damaged = edit('damaged.db', () => {})
  const bytes = readFileSync(damaged)
  writeFileSync(damaged, bytes.fill(0x55, 3 * 8192, 5 * 8192))
  await t.rejects(restore(file, damaged), { message: /damaged\.db (is damaged|cannot be restored): / })
  writeFileSync(`${backup}-wal`, 'a log')
  await t.rejects(restore(file, backup), { message: /has a write-ahead log beside it/ })

  t.same(
    readdirSync(folder).filter(name => /restoring|replaced|unfinished/.test(name)),
    [],
  )
  t.same(await checkFile(file), [])
})
