import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import type { Acknowledged } from '../../../fixtures/writing-process.ts'
import { checkFile } from './check-file.ts'

const ROUNDS = 3
const WRITING_PROCESS = fileURLToPath(new URL('../../../fixtures/writing-process.ts', import.meta.url))

/** Lets a process write and kills it at a moment that no one chose. Returns what it had been promised. */
async function writeUntilKilled(t: Test, file: string, killAfterMs: number): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  const child = fork(WRITING_PROCESS, [file], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  child.on('message', (message: Acknowledged) => acknowledged.push(message))
  const exited = once(child, 'exit')
  await Promise.race([once(child, 'message'), exited])
  await t.rejects(openStore({ file }), { name: 'StoreError', message: /is already open in another process/ })
  await sleep(killAfterMs)
  child.kill('SIGKILL')
  await exited
  return acknowledged
}

/** Those whose revision is not the winner, or has no body. */
async function missing(file: string, acknowledged: readonly Acknowledged[]): Promise<Acknowledged[]> {
  const connection = new Connection(await loadDriver(), file)
  const isThere = ({ database, id, rev }: Acknowledged) =>
    connection.row(
      `select 1 from databases join docs d using (db) join bodies b on b.key = (d.db << 32 | d.body)
       where name = ? and id = ? and d.rev = ? and b.rev = d.rev`,
      database,
      id,
      rev,
    ) !== undefined
  const lost = acknowledged.filter(one => !isThere(one))
  connection.close()
  return lost
}

t.test(
  'after a kill everything acknowledged is there, nothing is half there, and the next process goes on',
  async t => {
    const random = seededRandom(t)
    const file = `${t.testdir()}/store.db`
    const acknowledged: Acknowledged[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const before = acknowledged.length
      acknowledged.push(...(await writeUntilKilled(t, file, random.below(400))))
      t.ok(acknowledged.length > before, `round ${round}: ${acknowledged.length} writes`)
      t.same(await missing(file, acknowledged), [])
      t.same(await checkFile(file), [])
    }
  },
)
