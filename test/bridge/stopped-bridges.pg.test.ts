import t, { type Test } from 'tap'
import { type BridgeProcess, bridgeProcess } from '../fixtures/bridge-process.ts'
import { eventually } from '../fixtures/eventually.ts'
import { type HeldStatement, heldBy } from '../fixtures/held-statement.ts'
import { type Mirror, mirror } from '../fixtures/mirror.ts'
import { sessionDoc } from '../fixtures/workout.ts'

/** Ten seconds until Postgres ends its transaction; the rest is room for a busy machine. */
const GOES_ON_MS = 25_000

// Both wait for Postgres to end a transaction.
t.jobs = 2

/** A bridge that is stopped, as by a machine that sleeps, with a transaction open after a statement on this table. */
async function stoppedAt(
  t: Test,
  program: Mirror,
  table: string,
  meanwhile: () => Promise<unknown>,
): Promise<BridgeProcess> {
  const bridge = bridgeProcess(t, program.server.adminUrl, program.databaseUrl)
  await bridge.ready
  const held: HeldStatement = await heldBy(t, program.databaseUrl, table)
  await meanwhile()
  await held.waited()
  bridge.signal('SIGSTOP')
  await held.release()
  return bridge
}

t.test(
  'a bridge that is stopped in the middle of a batch: the other one takes it over within seconds',
  { buffered: true },
  async t => {
    const program = await mirror(t)
    const user = await program.user()
    const stopped = await stoppedAt(t, program, 'workout_sessions', () =>
      user.write(sessionDoc(), sessionDoc()),
    )
    const others = await program.user()
    await others.write(sessionDoc())
    await program.bridge()
    const before = Date.now()
    await others.mirrored(GOES_ON_MS)
    t.comment(`other databases after ${Date.now() - before} ms`)
    await user.mirrored(GOES_ON_MS)
    t.comment(`its database after ${Date.now() - before} ms`)
    t.equal((await user.rows('workout_sessions')).length, 2)

    stopped.signal('SIGCONT')
    await user.write(sessionDoc())
    await user.mirrored()
    await eventually(() => stopped.log.some(({ level }) => level === 40), 'it has noticed')
    t.equal((await user.rows('workout_sessions')).length, 3)
    t.notOk(stopped.log.some(({ level }) => level >= 50))
  },
)

t.test(
  'a bridge that is stopped while it holds the place in the feed: the other one goes on within seconds',
  { buffered: true },
  async t => {
    const program = await mirror(t)
    await (await program.bridge()).close()
    const user = await program.user()
    await stoppedAt(t, program, 'divan.dirty_databases', () => user.write(sessionDoc()))
    await program.bridge()
    const before = Date.now()
    await user.mirrored(GOES_ON_MS)
    t.comment(`after ${Date.now() - before} ms`)
    t.equal((await user.rows('workout_sessions')).length, 1)
  },
)
