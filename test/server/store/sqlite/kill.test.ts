import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { compiledScripts } from '../../../fixtures/compiled-scripts.ts'
import { eventually } from '../../../fixtures/eventually.ts'
import { readJournal } from '../../../fixtures/journal.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { checkFile } from './check-file.ts'
import { WrittenModel } from './written-model.ts'

const ROUNDS = rounds(8, 200)
/** After so many kills a new file is begun: what is there is compared after each. */
const ROUNDS_OF_FILE = 8
const LONGEST_RUN_MS = 500

const SCRIPTS = [
  'test/fixtures/random-writing-process.ts',
  'test/fixtures/settling-process.ts',
  'server/store/sqlite/writer/writer-worker.ts',
]
const open = await loadDriver()
let copies = 0

t.test(
  'after a kill everything acknowledged is there, nothing is half there, and the next process goes on',
  async t => {
    const random = seededRandom(t)
    const folder = t.testdir()
    const [writing = '', settling = ''] = compiledScripts(folder, ...SCRIPTS)
    let acknowledged = 0
    for (let round = 0; round < ROUNDS; ) {
      const file = `${folder}/store-${round}.db`
      const model = new WrittenModel()
      for (let n = 0; n < ROUNDS_OF_FILE && round < ROUNDS; n++, round++) {
        const run = { killAfterMs: random.below(LONGEST_RUN_MS), isStarted: random.chance(0.8) }
        await writeUntilKilled(writing, file, { ...run, seed: random.below(2 ** 31), model })
        await checkAll(t, file, model, `round ${round}`)
      }
      t.same(await once(start(settling, file), 'exit'), [0, null], 'what was left to be removed goes')
      await checkAll(t, file, model, 'after settling')
      acknowledged += model.acknowledged
    }
    t.comment(`${ROUNDS} kills, ${acknowledged} acknowledged operations`)
    t.ok(acknowledged > 0)
  },
)

t.test('a killed process leaves no lock, and one that runs is not joined', async t => {
  const folder = t.testdir()
  const [writing = '', settling = ''] = compiledScripts(folder, ...SCRIPTS)
  const file = `${folder}/store.db`
  const child = start(writing, file, `${folder}/journal`, '1')
  const exited = once(child, 'exit')
  await eventually(() => existsSync(`${folder}/journal`), 'it writes')
  await t.rejects(openStore({ file }), { name: 'StoreError', message: /is already open in another process/ })
  child.kill('SIGKILL')
  await exited
  t.same(await once(start(settling, file), 'exit'), [0, null])
})

function start(script: string, ...args: readonly string[]): ChildProcess {
  return fork(script, [...args], { execArgv: [], env: {}, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

type Run = {
  /** Counted from its first write, or from its start. */
  readonly killAfterMs: number
  readonly isStarted: boolean
  readonly seed: number
  readonly model: WrittenModel
}

/** Lets a process write and kills it at a moment that no one chose. */
async function writeUntilKilled(writing: string, file: string, run: Run): Promise<void> {
  const { killAfterMs, isStarted, seed, model } = run
  const journal = `${file}-journal-${seed}`
  writeFileSync(journal, '')
  const child = start(writing, file, journal, String(seed))
  const exited = once(child, 'exit')
  if (isStarted) await eventually(() => statSync(journal).size > 0, 'it writes')
  await sleep(killAfterMs)
  child.kill('SIGKILL')
  const [code] = await exited
  if (code !== null) throw new Error(`the writing process ended with ${code}`)
  model.read(readJournal(journal))
}

const isEmpty = (connection: Connection) => connection.rows('select 1 from sqlite_schema').length === 0

/**
 * Looks at a copy, log included, as after a start: on Node 20 a connection that was closed holds its file until its statements are
 * collected as garbage, and while one does, the next process does not read the log anew.
 */
async function checkAll(t: Test, file: string, model: WrittenModel, what: string): Promise<void> {
  if (!existsSync(file)) return
  const copy = `${file}-copy-${copies++}`
  for (const end of ['', '-wal'])
    if (existsSync(`${file}${end}`)) copyFileSync(`${file}${end}`, `${copy}${end}`)
  const connection = new Connection(open, copy)
  try {
    t.doesNotThrow(() => model.check(connection), what)
    // Killed before the one transaction that makes all tables: then nothing was acknowledged, as the model has just said.
    if (isEmpty(connection)) return
  } finally {
    connection.close()
  }
  t.same(await checkFile(copy), [], what)
  for (const end of ['', '-wal', '-shm']) rmSync(`${copy}${end}`, { force: true })
}
