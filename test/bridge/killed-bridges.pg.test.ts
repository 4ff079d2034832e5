import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { appliedTwice, noteAppliedRows } from '../fixtures/applied-rows.ts'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { mirror } from '../fixtures/mirror.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { writers } from '../fixtures/writers.ts'

t.test(
  'bridges killed at any moment: the tables equal the fold of the documents, nothing is applied twice',
  async t => {
    const random = seededRandom(t)
    const program = await mirror(t)
    await (await program.bridge()).close()
    await noteAppliedRows(program, ['workout_sessions', 'routines', 'earned_badges'])
    const { users, stop } = await writers(random, program, 3)
    for (let round = 0; round < 5; round++) {
      const bridge = bridgeProcess(t, program.server.adminUrl, program.databaseUrl)
      await bridge.ready
      await sleep(random.below(400))
      await bridge.kill()
    }
    await stop()
    await program.bridge()
    await compareWithFolds(t, program, users)
    t.strictSame(await appliedTwice(program), [])
  },
)

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
  await compareWithFolds(t, program, users)
})
