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

t.test('who brings much has his turns after those of others, and cannot take all places', async t => {
  const takeTurn = createTurns({ atOnce: 1, waiting: 10, waitingOfOne: 3 })
  const done: string[] = []
  const work = (name: string) => async () => {
    await later()
    done.push(name)
  }
  const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2'].map(name => takeTurn(work(name), name[0]))
  await t.rejects(takeTurn(work('a5'), 'a'), { name: 'CouchError', message: /Too many/ })
  await Promise.all(all)
  t.strictSame(done, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'])
  await takeTurn(work('a6'), 'a')
})

t.test('when all places are taken, whoever has most of them makes room', async t => {
  const takeTurn = createTurns({ atOnce: 1, waiting: 4, waitingOfOne: 2 })
  const done: string[] = []
  const work = (name: string) => async () => {
    await later()
    done.push(name)
  }
  const names = ['a0', 'a1', 'a2', 'b1', 'b2', 'c1', 'd1', 'e1']
  const results = await Promise.allSettled(names.map(name => takeTurn(work(name), name[0])))
  const refused = names.filter((_, n) => results[n]?.status === 'rejected')
  t.strictSame(refused, ['a2', 'b2', 'e1'])
  t.strictSame(done, ['a0', 'a1', 'b1', 'c1', 'd1'])
  await takeTurn(work('a3'), 'a')
})
