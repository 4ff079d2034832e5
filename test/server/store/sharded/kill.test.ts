import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { userDbName } from '../../../../design-docs/user-db.ts'
import { filesOf } from '../../../../server/store/sharded/files-of.ts'
import { openStoreFiles } from '../../../../server/store/sharded/open-store-files.ts'
import type { Store } from '../../../../server/store/store.ts'
import { compiledScripts } from '../../../fixtures/compiled-scripts.ts'
import { eventually } from '../../../fixtures/eventually.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import type { Acknowledged } from '../../../fixtures/sharded-writing-process.ts'
import { checkFile } from '../sqlite/check-file.ts'
import { userIn } from './user-in.ts'

const COUNT = 3
const NAMES = ['of-nobody', ...[0, 1, 2].map(at => userDbName(userIn(at, COUNT)))]
const LONGEST_RUN_MS = 300

type Run = {
  readonly killAfterMs: number
  /** Counted from its first write on; else from the moment it may be making the files. */
  readonly isStarted: boolean
}

/** Lets a process write and kills it at a moment that no one chose. */
async function writeUntilKilled(script: string, file: string, run: Run): Promise<readonly Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  const child = fork(script, [file, String(COUNT), ...NAMES], { execArgv: [], env: {} })
  child.on('message', (message: Acknowledged) => acknowledged.push(message))
  const exited = once(child, 'exit')
  await eventually(() => (run.isStarted ? acknowledged.length > 0 : existsSync(file)), 'it runs')
  await sleep(run.killAfterMs)
  child.kill('SIGKILL')
  t.same(await exited, [null, 'SIGKILL'])
  return acknowledged
}

function missing(store: Store, acknowledged: readonly Acknowledged[]): readonly Acknowledged[] {
  return acknowledged.filter(({ name, id, rev }) => store.database(name)?.doc(id)?.tree.winner.rev !== rev)
}

/** Writes that who had followed the log before them would not be told of now. */
function untold(store: Store, acknowledged: readonly Acknowledged[]): readonly Acknowledged[] {
  return acknowledged.filter(({ name, since }) => {
    const { place, rewound } = store.updatesPlace(since)
    return rewound || !store.dbUpdates({ after: place, limit: 100 }).some(update => update.name === name)
  })
}

t.test('after a kill what was acknowledged is in each file, and the feed tells of it', async t => {
  const random = seededRandom(t)
  const folder = t.testdir()
  const [script = ''] = compiledScripts(
    folder,
    'test/fixtures/sharded-writing-process.ts',
    'server/store/sqlite/writer/writer-worker.ts',
  )
  const file = `${folder}/store.db`
  const all: Acknowledged[] = []
  for (let round = 0; round < rounds(4, 100); round++) {
    const run = { killAfterMs: random.below(LONGEST_RUN_MS), isStarted: round > 0 && random.chance(0.8) }
    all.push(...(await writeUntilKilled(script, file, run)))
    const store = await openStoreFiles({ file, shards: COUNT, log: line => t.fail(line) })
    t.same(missing(store, all), [], `round ${round}: ${all.length} acknowledged`)
    t.same(untold(store, all), [], 'all of them are told of')
    await store.close()
    for (const one of filesOf(file, COUNT)) t.same(await checkFile(one), [])
  }
  t.ok(all.length > 0)
})
