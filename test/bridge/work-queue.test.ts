import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { WorkQueue } from '../../bridge/work-queue.ts'

t.test('databases come in the order they were added, each once', async t => {
  const queue = new WorkQueue()
  queue.add(['a', 'b', 'a'])
  t.equal(await queue.next(), 'a')
  t.equal(await queue.next(), 'b')
  t.equal(queue.waiting, 0)
})

t.test('who asks first is given the first that comes', async t => {
  const queue = new WorkQueue()
  const [first, second] = [queue.next(), queue.next()]
  queue.add(['a', 'b'])
  t.strictSame(await Promise.all([first, second]), ['a', 'b'])
})

t.test('a database is never at two workers; one that is added meanwhile comes again', async t => {
  const queue = new WorkQueue()
  queue.add(['a'])
  t.equal(await queue.next(), 'a')
  queue.add(['a', 'b'])
  t.equal(await queue.next(), 'b')
  queue.done('b', 'rest')
  t.equal(queue.waiting, 0)
  queue.done('a', 'rest')
  t.equal(await queue.next(), 'a')
  queue.done('a', 'rest')
  t.equal(queue.waiting, 0)
})

t.test('a database with more to do goes behind all that wait', async t => {
  const queue = new WorkQueue()
  queue.add(['a', 'b', 'c'])
  t.equal(await queue.next(), 'a')
  queue.done('a', 'more')
  t.strictSame([await queue.next(), await queue.next(), await queue.next()], ['b', 'c', 'a'])
})

t.test('large databases hold up nothing that was just added, and come all the same', async t => {
  const queue = new WorkQueue()
  queue.add(['large', 'larger'])
  for (const database of [await queue.next(), await queue.next()]) queue.done(String(database), 'more')
  queue.add(['a', 'b', 'c', 'd', 'large'])
  const given: (string | undefined)[] = []
  while (queue.waiting > 0) given.push(await queue.next())
  t.strictSame(given, ['a', 'large', 'b', 'c', 'd', 'larger'])
})

t.test('a database that failed rests, longer each time, until it succeeds', async t => {
  const queue = new WorkQueue()
  queue.add(['a'])
  await queue.next()
  queue.done('a', 'failed')
  t.strictSame(queue.resting(), ['a'])
  queue.add(['a'])
  t.equal(queue.waiting, 0, 'it is not taken in')
  await sleep(250)
  t.strictSame(queue.resting(), [])
  queue.add(['a'])
  t.equal(await queue.next(), 'a')
  queue.done('a', 'failed')
  await sleep(150)
  t.strictSame(queue.resting(), ['a'], 'the second rest is longer')
  queue.wake(['a', 'b'])
  t.strictSame(queue.resting(), [])
})

t.test('a queue that is closed gives nothing more', async t => {
  const queue = new WorkQueue()
  const waiting = queue.next()
  queue.close()
  t.equal(await waiting, undefined)
  queue.add(['a'])
  t.equal(await queue.next(), undefined)
})

t.test('memory is bounded: what does not fit is found again in Postgres', async t => {
  const queue = new WorkQueue()
  queue.add(Array.from({ length: 100_000 }, (_, index) => `userdb-${index}`))
  t.equal(queue.waiting, 5000)
})
