import { execFile } from 'node:child_process'
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { startBackup } from '../../../../server/store/copies/start-copy.ts'
import { type Backup, backupStore } from '../../../../server/store/sqlite/backup-store.ts'
import { nameBackup } from '../../../../server/store/sqlite/backup-target.ts'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { FORMAT_VERSION } from '../../../../server/store/sqlite/schema.ts'
import type { Promised } from '../../../fixtures/busy-process.ts'
import { nodeCommand } from '../../../fixtures/node-command.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { databaseOf } from '../contract/subject.ts'
import { checkFile } from './check-file.ts'
import { copyProcesses } from './copy-processes.ts'
import { largeStore } from './large-store.ts'

const open = await loadDriver()

const backUp = async (backup: Backup) => backupStore(open, backup)

/** Those whose revision a file does not have as the winner. */
function missing(file: string, promised: readonly Promised[]): Promised[] {
  const connection = new Connection(open, file, { readOnly: true })
  const sql = 'select 1 from docs where db = (select db from databases where name = ?) and id = ? and rev = ?'
  const lost = promised.filter(({ id, rev }) => connection.row(sql, 'a', id, rev) === undefined)
  connection.close()
  return lost
}

t.test('a backup under load has all that was acknowledged before it began, and writes go on', async t => {
  const folder = t.testdir()
  const writing = await copyProcesses(folder).busyProcess(`${folder}/store.db`)
  t.teardown(() => writing.kill())
  await sleep(100)
  const before = [...writing.promised]
  // In its own thread, as the command has it: this one goes on hearing what is promised.
  const facts = await startBackup({ file: `${folder}/store.db`, target: `${folder}/backup.db` }).done
  const during = writing.promised.length - before.length
  t.ok(before.length > 0, `${before.length} writes before, ${during} while it was made`)
  t.match(facts, { databases: 1, bytes: statSync(`${folder}/backup.db`).size })
  t.same(missing(`${folder}/backup.db`, before), [])
  const seen = writing.promised.length
  while (writing.promised.length === seen) await sleep(10)
  await writing.kill()
  t.same(await checkFile(`${folder}/backup.db`), [])
  t.equal(statSync(`${folder}/backup.db`).mode & 0o777, 0o600, 'it is its user’s alone')
  t.notOk(existsSync(`${folder}/backup.db.partial`))

  await backUp({ file: `${folder}/store.db`, target: `${folder}/dead.db` })
  t.same(missing(`${folder}/dead.db`, writing.promised), [], 'also of a store whose server was killed')

  const store = await openStore({ file: `${folder}/backup.db` })
  t.ok(databaseOf(store, 'a').facts().updateSeq > 0, 'a backup opens as a store')
  await store.close()
})

t.test('a backup keeps what makes the file a store of this format', async t => {
  const folder = t.testdir()
  await (await openStore({ file: `${folder}/store.db` })).close()
  await backUp({ file: `${folder}/store.db`, target: `${folder}/backup.db` })
  const pragmas = (file: string) => {
    const connection = new Connection(open, file)
    const names = ['application_id', 'user_version', 'page_size', 'auto_vacuum', 'journal_mode'] as const
    const values = names.map(name => connection.row(`pragma ${name}`)?.[0])
    connection.close()
    return values
  }
  t.same(pragmas(`${folder}/backup.db`), [0x4469766e, FORMAT_VERSION, 8192, 2, 'delete'], 'one file, no log')
  await (await openStore({ file: `${folder}/backup.db` })).close()
  t.same(pragmas(`${folder}/backup.db`), pragmas(`${folder}/store.db`), 'opened, it is as any store')
})

t.test('a backup that was killed leaves no file of its name, or a whole one', async t => {
  const random = seededRandom(t)
  const folder = t.testdir()
  const file = `${folder}/store.db`
  const docCount = await largeStore(file, 'x')
  const { copyUntilKilled } = copyProcesses(folder)
  const { ms } = await copyUntilKilled(['backup', file, `${folder}/whole.db`], 60_000)
  const target = `${folder}/backup.db`
  for (let round = 0; round < rounds(4, 100); round++) {
    const { end } = await copyUntilKilled(['backup', file, target], random.below(ms))
    t.comment(`${end}, ${existsSync(`${target}.partial`) ? 'a draft' : 'no draft'}`)
    if (end === 0) t.ok(existsSync(target), `round ${round}: what says it is done is done`)
    if (existsSync(target)) t.same(await checkFile(target), [])
    rmSync(target, { force: true })
  }
  writeFileSync(`${target}.partial`, 'what a kill left')
  t.match(await backUp({ file, target }), { documents: docCount })
  t.same(await checkFile(target), [])
  t.same(await checkFile(file), [])
})

t.test('what cannot be copied, or not there, is one line, and nothing is left behind', async t => {
  const folder = t.testdir({
    'there.db': 'mine',
    'other.db': 'not a database at all, but long enough. '.repeat(30),
  })
  const file = `${folder}/store.db`
  const backup = (source: string, target: string) => backUp({ file: source, target })
  await t.rejects(backup(file, `${folder}/b.db`), {
    name: 'StoreError',
    message: `there is no store to back up: ${file} does not exist`,
  })
  await (await openStore({ file })).close()
  await t.rejects(backup(file, `${folder}/there.db`), {
    message: `${folder}/there.db exists: a backup overwrites nothing`,
  })
  t.equal(readFileSync(`${folder}/there.db`, 'utf8'), 'mine')
  await t.rejects(backup(file, `${folder}/no/b.db`), {
    message: /^the folder .*\/no cannot be written: ENOENT/,
  })
  await t.rejects(backup(`${folder}/other.db`, `${folder}/b.db`), {
    message: /b\.db cannot be made: file is not a database$/,
  })
  const connection = new Connection(open, file)
  connection.exec(`pragma user_version = ${FORMAT_VERSION + 1}`)
  connection.close()
  await t.rejects(backup(file, `${folder}/b.db`), { message: /has format \d+; this version reads up to/ })
  t.same(
    readdirSync(folder).filter(name => name.startsWith('b.db')),
    [],
  )
})

t.test(
  'a backup replaces nothing, also what appears while it is made, and takes no name of the store’s',
  async t => {
    const folder = t.testdir({ data: {}, late: 'mine', 'late.partial': 'whole' })
    const file = `${folder}/data/store.db`
    const store = await openStore({ file })
    t.teardown(() => store.close())
    symlinkSync('nowhere.db', `${folder}/dangling.db`)
    await t.rejects(backUp({ file, target: `${folder}/dangling.db` }), {
      message: /dangling\.db exists: a backup overwrites nothing/,
    })
    t.throws(() => nameBackup(`${folder}/late`), { message: /late exists: a backup overwrites nothing/ })
    t.equal(readFileSync(`${folder}/late`, 'utf8'), 'mine')

    symlinkSync('data', `${folder}/link`)
    symlinkSync('data/store.db', `${folder}/store-link.db`)
    const names = ['-wal', '-shm', '-journal', '.lock', '.partial', '.restoring', '.restoring-wal']
    for (const suffix of [...names, '.unfinished-restore', '.replaced-2026-01-01T000000.000Z', '']) {
      for (const source of [file, `${folder}/store-link.db`]) {
        const target = `${folder}/link/store.db${suffix}`
        await t.rejects(
          backUp({ file: source, target }),
          { message: /a backup overwrites nothing|files of its own/ },
          suffix,
        )
      }
    }
    t.equal(existsSync(`${folder}/data/store.db.restoring`), false)
    await t.resolves(backUp({ file, target: `${file}.backup` }), 'any other name beside the store')
    t.equal(statSync(`${file}.backup`).nlink, 1)
    await store.createDatabase('a')

    await t.rejects(backUp({ file: `${file}.backup`, target: `${file}.backup.partial` }), {
      message: /files of its own/,
    })
    renameSync(`${file}.backup`, `${folder}/b.partial`)
    await t.rejects(backUp({ file: `${folder}/b.partial`, target: `${folder}/b` }), {
      message: /files of its own/,
    })
    t.ok(existsSync(`${folder}/b.partial`), 'nor a name whose draft is the store')
  },
)

t.test('a target without room is one line, and leaves no draft', async t => {
  const folder = t.testdir()
  await largeStore(`${folder}/store.db`, 'x')
  // A limit of 2 MiB on every file stands for the full disk; SQLite reports both from the same write.
  const [command, args] = nodeCommand(
    'test/fixtures/copy-process.ts',
    'backup',
    `${folder}/store.db`,
    `${folder}/b.db`,
  )
  const limited = ['-c', 'ulimit -f 4096; exec "$@"', 'sh', command, ...args]
  await t.rejects(promisify(execFile)('sh', limited), {
    code: 1,
    stderr: /^the backup .*b\.db cannot be made: (the disk is full|disk I\/O error)\n$/,
  })
  t.same(
    readdirSync(folder).filter(name => name.startsWith('b.db')),
    [],
  )
})
