import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startEmbeddedPostgres } from '../../bridge/postgres/embedded-postgres.ts'
import { appliedTwice, noteAppliedRows } from '../fixtures/applied-rows.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { mirror } from '../fixtures/mirror.ts'
import { privatePostgres } from '../fixtures/private-postgres.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { writers } from '../fixtures/writers.ts'

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
  await compareWithFolds(t, program, users)
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
  await compareWithFolds(t, program, users)
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
  await compareWithFolds(t, program, users)
})
