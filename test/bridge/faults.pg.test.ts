import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startEmbeddedPostgres } from '../../bridge/postgres/embedded-postgres.ts'
import { appliedTwice, noteAppliedRows } from '../fixtures/applied-rows.ts'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { compareWithFold } from '../fixtures/fold.ts'
import { type Mirror, mirror, type User } from '../fixtures/mirror.ts'
import { privatePostgres } from '../fixtures/private-postgres.ts'
import { RandomEdits } from '../fixtures/random-edits.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'

/** Users whose documents are edited without a pause until `stop`. */
async function writers(random: SeededRandom, program: Mirror, count: number) {
  const users = await Promise.all(Array.from({ length: count }, () => program.user()))
  const stopped = new AbortController()
  const writing = users.map(async user => {
    const edits = new RandomEdits(random, program, user)
    while (!stopped.signal.aborted) {
      // The server may be away, too; what it did not take is not part of the fold.
      await edits.write(1 + random.below(8)).catch(() => sleep(20))
      await sleep(random.below(20))
    }
  })
  return {
    users,
    async stop() {
      stopped.abort()
      await Promise.all(writing)
    },
  }
}

async function compare(t: Test, program: Mirror, users: readonly User[]): Promise<void> {
  for (const user of users) {
    await user.mirrored(60_000)
    await compareWithFold(t, program, user)
  }
}

t.test(
  'bridges killed at any moment: the tables equal the fold of the documents, nothing is applied twice',
  async t => {
    const random = seededRandom(t)
    const program = await mirror(t)
    await (await program.bridge()).close()
    await noteAppliedRows(program, ['workout_sessions', 'routines', 'earned_badges'])
    const { users, stop } = await writers(random, program, 3)
    for (let round = 0; round < 6; round++) {
      const bridge = bridgeProcess(t, program.server.adminUrl, program.databaseUrl)
      await bridge.ready
      await sleep(random.below(400))
      await bridge.kill()
    }
    await stop()
    await program.bridge()
    await compare(t, program, users)
    t.strictSame(await appliedTwice(program), [])
  },
)

t.test('connections that Postgres ends at any moment are replaced', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  await program.bridge()
  await noteAppliedRows(program, ['workout_sessions', 'routines', 'earned_badges'])
  const { users, stop } = await writers(random, program, 3)
  for (let round = 0; round < 25; round++) {
    await sleep(random.below(100))
    await program.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'divan-bridge'`,
    )
  }
  await stop()
  await compare(t, program, users)
  t.strictSame(await appliedTwice(program), [])
})

t.test('a server that is stopped and started again is followed from where it was', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  await program.bridge()
  const { users, stop } = await writers(random, program, 2)
  for (let round = 0; round < 3; round++) {
    await sleep(random.below(300))
    await program.server.restart()
  }
  await sleep(100)
  await stop()
  await compare(t, program, users)
})

t.test('a Postgres that is stopped and started again gets what it missed', async t => {
  const random = seededRandom(t)
  const postgres = await privatePostgres(t)
  const port = Number(new URL(postgres.url).port)
  const program = await mirror(t, postgres.url)
  await program.bridge()
  const { users, stop } = await writers(random, program, 2)
  let running: { close(): Promise<void> } = postgres
  for (let round = 0; round < 2; round++) {
    await sleep(200 + random.below(300))
    await running.close()
    await sleep(300)
    running = await startEmbeddedPostgres({ folder: postgres.folder, fast: true, port })
    t.teardown(running.close)
  }
  await stop()
  await compare(t, program, users)
})

t.test('of two bridges one is killed, and the other goes on within seconds', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  const killed = bridgeProcess(t, program.server.adminUrl, program.databaseUrl)
  await killed.ready
  await program.bridge()
  const { users, stop } = await writers(random, program, 3)
  await sleep(300)
  await killed.kill()
  await sleep(300)
  await stop()
  const before = Date.now()
  for (const user of users) await user.mirrored(10_000)
  t.comment(`caught up after ${Date.now() - before} ms`)
  await compare(t, program, users)
})
