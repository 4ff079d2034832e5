import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { divideFiles } from '../../../../server/store/copies/divide-files.ts'
import { filesOf } from '../../../../server/store/sharded/files-of.ts'
import { shardOf } from '../../../../server/store/sharded/shard-of.ts'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { collectGarbage } from '../../../fixtures/collect-garbage.ts'
import { compiledScripts } from '../../../fixtures/compiled-scripts.ts'
import { eventually } from '../../../fixtures/eventually.ts'
import { readJournal } from '../../../fixtures/journal.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { checkFile } from './check-file.ts'
import { WrittenModel } from './written-model.ts'

const ROUNDS = rounds(8, 200)
/** After so many kills a new store is begun: what is there is compared after each. Each second one is of several files. */
const ROUNDS_OF_STORE = rounds(4, 8)
const COUNTS = [1, 2, 3, 5]
const LONGEST_RUN_MS = 500

const SCRIPTS = [
  'test/fixtures/random-writing-process.ts',
  'test/fixtures/settling-process.ts',
  'server/store/sqlite/writer/writer-worker.ts',
]
const open = await loadDriver()
let copies = 0

/** Where a store is, now. */
type Files = { readonly file: string; readonly count: number }

t.test(
  'after a kill everything acknowledged is there, nothing is half there, and the next process goes on, whatever number of files it is divided over meanwhile',
  async t => {
    const random = seededRandom(t)
    const folder = t.testdir()
    const [writing = '', settling = ''] = compiledScripts(folder, ...SCRIPTS)
    let acknowledged = 0
    for (let round = 0, stores = 0; round < ROUNDS; stores++) {
      const isOfOne = stores % 2 === 0
      let files: Files = { file: `${folder}/store-of-${round}.db`, count: isOfOne ? 1 : random.pick(COUNTS) }
      const model = new WrittenModel()
      for (let n = 0; n < ROUNDS_OF_STORE && round < ROUNDS; n++, round++) {
        const end = random.chance(0.2) ? 'SIGTERM' : 'SIGKILL'
        const run = { afterMs: random.below(LONGEST_RUN_MS), end, isStarted: random.chance(0.8) } as const
        await writeUntil(writing, files, { ...run, seed: random.below(2 ** 31), model })
        const isBegun = await checkAll(t, files, model, `round ${round}, ${files.count} files`)
        if (isOfOne || !isBegun || random.chance(0.5)) continue
        files = await divided(files, random.pick(COUNTS.filter(count => count !== files.count)))
        await checkAll(t, files, model, `after round ${round}, divided over ${files.count}`)
      }
      if (!existsSync(files.file)) continue
      const settled = once(start(settling, files.file, String(files.count)), 'exit')
      t.same(await settled, [0, null], 'what was left to be removed goes')
      await checkAll(t, files, model, 'after settling')
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
  const child = start(writing, file, '1', `${folder}/journal`, '1')
  const exited = once(child, 'exit')
  await eventually(() => existsSync(`${folder}/journal`), 'it writes')
  await t.rejects(openStore({ file }), { name: 'StoreError', message: /is already open in another process/ })
  child.kill('SIGKILL')
  await exited
  t.same(await once(start(settling, file, '1'), 'exit'), [0, null])
})

function start(script: string, ...args: readonly string[]): ChildProcess {
  return fork(script, [...args], { execArgv: [], env: {}, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

type Run = {
  /** Counted from its first write, or from its start. */
  readonly afterMs: number
  /** Killed, or asked to end. */
  readonly end: 'SIGKILL' | 'SIGTERM'
  readonly isStarted: boolean
  readonly seed: number
  readonly model: WrittenModel
}

/** Lets a process write and ends it at a moment that no one chose. */
async function writeUntil(writing: string, { file, count }: Files, run: Run): Promise<void> {
  const { afterMs, end, isStarted, seed, model } = run
  const journal = `${file}-journal-${seed}`
  writeFileSync(journal, '')
  const child = start(writing, file, String(count), journal, String(seed))
  const exited = once(child, 'exit')
  if (isStarted) await eventually(() => statSync(journal).size > 0, 'it writes')
  await sleep(afterMs)
  child.kill(end)
  const [code] = await exited
  // Asked before it listens, it is killed all the same.
  if (code !== null && (code !== 0 || end === 'SIGKILL'))
    throw new Error(`the writing process ended with ${code}`)
  model.read(readJournal(journal))
}

async function divided({ file }: Files, count: number): Promise<Files> {
  await collectGarbage()
  const { replaced } = divideFiles(open, { file, count })
  await collectGarbage()
  if (replaced !== undefined) rmSync(replaced, { recursive: true })
  return { file, count }
}

const isEmpty = (connection: Connection) => connection.rows('select 1 from sqlite_schema').length === 0

/**
 * Looks at copies, logs included, as after a start: on Node 20 a connection that was closed holds its file until its statements are
 * collected as garbage, and while one does, the next process does not read the log anew. True: the first file, at least, is made.
 */
async function checkAll(
  t: Test,
  { file, count }: Files,
  model: WrittenModel,
  what: string,
): Promise<boolean> {
  const copied = filesOf(file, count).map(copyOf)
  const connections = copied.map(copy => new Connection(open, copy))
  // Killed before the one transaction that makes all tables of a file: then nothing was acknowledged.
  const isWhole = !connections.some(isEmpty)
  const isBegun = connections[0] !== undefined && !isEmpty(connections[0])
  try {
    if (isWhole) t.doesNotThrow(() => model.check(name => inItsFile(connections, name)), what)
    else t.equal(model.acknowledged, 0, what)
  } finally {
    for (const connection of connections) connection.close()
  }
  for (const copy of isWhole ? copied : []) t.same(await checkFile(copy), [], what)
  for (const copy of copied) for (const end of ['', '-wal', '-shm']) rmSync(`${copy}${end}`, { force: true })
  return isBegun
}

function copyOf(file: string): string {
  const copy = `${file}-copy-${copies++}`
  for (const end of ['', '-wal'])
    if (existsSync(`${file}${end}`)) copyFileSync(`${file}${end}`, `${copy}${end}`)
  return copy
}

/** The file that a database belongs into, and no other has it. */
function inItsFile(connections: readonly Connection[], name: string): Connection {
  const at = shardOf(name, connections.length)
  const having = [...connections.keys()].filter(
    other =>
      connections[other]?.row('select 1 from databases where name = ? and deleted = 0', name) !== undefined,
  )
  assert(
    having.every(other => other === at),
    `${name} belongs into file ${at + 1} and is in ${having}`,
  )
  const connection = connections[at]
  assert(connection)
  return connection
}
