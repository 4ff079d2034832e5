import { setImmediate as later } from 'node:timers/promises'
import t from 'tap'
import { createTurns } from '../../../server/auth/turns.ts'

t.test('work is done a few at a time, in its order, and a failure makes room like an end', async t => {
  const turn = createTurns({ atOnce: 2, waiting: 3 })
  const log: string[] = []
  let underWay = 0
  let most = 0
  const work = (n: number) =>
    turn(async () => {
      underWay += 1
      most = Math.max(most, underWay)
      log.push(`${n}`)
      await later()
      underWay -= 1
      if (n === 1) throw new Error('failed')
      return n
    })
  const all = await Promise.allSettled([0, 1, 2, 3, 4, 5, 6].map(work))
  t.strictSame(
    all.map(result => (result.status === 'fulfilled' ? result.value : result.reason.message)),
    [0, 'failed', 2, 3, 4, 'Too many passwords are being checked.', 'Too many passwords are being checked.'],
  )
  t.strictSame(log, ['0', '1', '2', '3', '4'])
  t.equal(most, 2)
  t.equal(await work(7), 7, 'afterwards there is room again')
  t.equal(await work(8), 8)
})
