import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { expiryOf, type LiveWaitOptions, startLiveWait } from '../../../../server/couch/feeds/live-wait.ts'
import type { Out } from '../../../../server/http/route.ts'
import { eventually } from '../../../fixtures/eventually.ts'

/** A feed's surroundings: what changes, where it writes, who ends it. */
function surroundings(t: Test, options: Partial<LiveWaitOptions> = {}) {
  const database = new EventEmitter()
  const end = new AbortController()
  const written: string[] = []
  const out: Out = {
    signal: end.signal,
    write(chunk) {
      written.push(String(chunk))
      return undefined
    },
  }
  const wait = startLiveWait({
    subscribe(listener) {
      database.on('change', listener)
      return () => database.off('change', listener)
    },
    out,
    signal: end.signal,
    ...options,
  })
  t.teardown(() => wait.close())
  return { wait, database, end, written }
}

t.test('a change ends the wait', async t => {
  const { wait, database } = surroundings(t)
  setTimeout(() => database.emit('change'), 20)
  t.equal(await wait.next(), 'change')
})

t.test('a change before the wait is not missed, and told once', async t => {
  const { wait, database } = surroundings(t, { timeoutMs: 30 })
  database.emit('change')
  database.emit('change')
  t.equal(await wait.next(), 'change')
  t.equal(await wait.next(), 'timeout')
})

t.test('each wait has the whole timeout', async t => {
  const { wait, database } = surroundings(t, { timeoutMs: 120 })
  setTimeout(() => database.emit('change'), 80)
  t.equal(await wait.next(), 'change')
  const start = Date.now()
  t.equal(await wait.next(), 'timeout')
  t.ok(Date.now() - start >= 110)
})

t.test('a timeout of 0 asks whether there is anything', async t => {
  const { wait } = surroundings(t, { timeoutMs: 0 })
  t.equal(await wait.next(), 'timeout')
})

t.test('timeouts and heartbeats beyond what a timer holds do not fire at once', async t => {
  const { wait, written, end } = surroundings(t, { timeoutMs: 2 ** 33, heartbeatMs: 2 ** 33 })
  const waited = wait.next()
  await sleep(50)
  t.strictSame(written, [])
  end.abort()
  t.equal(await waited, 'ended')
})

t.test('the end of the call, or of the token, ends the wait and every later one', async t => {
  const closing = surroundings(t)
  setTimeout(() => closing.end.abort(), 20)
  t.equal(await closing.wait.next(), 'ended')
  t.equal(await closing.wait.next(), 'ended')
  t.equal(closing.wait.hasEnded(), true)

  const expiring = surroundings(t, { expiresAt: Date.now() + 60 })
  t.equal(expiring.wait.hasEnded(), false)
  t.equal(await expiring.wait.next(), 'ended')
  expiring.database.emit('change')
  t.equal(await expiring.wait.next(), 'ended', 'also if something changed meanwhile')
})

t.test('heartbeats beat from the start, whether the feed waits or works, and not after its end', async t => {
  const { wait, written } = surroundings(t, { heartbeatMs: 100 })
  await sleep(1000)
  t.ok(written.length >= 2 && written.length <= 10, `${written.length} beats`)
  t.ok(written.every(chunk => chunk === '\n'))
  wait.close()
  written.length = 0
  await sleep(200)
  t.strictSame(written, [])
})

t.test('a write puts the next heartbeat off', async t => {
  const { wait, written } = surroundings(t, { heartbeatMs: 600 })
  for (let i = 0; i < 10; i++) {
    await sleep(100)
    await wait.out.write('row')
  }
  t.strictSame(new Set(written), new Set(['row']))
})

t.test('a client that does not read gets no heap of heartbeats', async t => {
  let drain = () => {}
  const written: string[] = []
  const { wait } = surroundings(t, {
    heartbeatMs: 100,
    out: {
      signal: new AbortController().signal,
      write(chunk) {
        written.push(String(chunk))
        return new Promise<void>(resolve => {
          drain = resolve
        })
      },
    },
  })
  const row = wait.out.write('row')
  await sleep(350)
  t.strictSame(written, ['row'])
  drain()
  await row
  await eventually(() => written.length === 2, 'a heartbeat once it reads')
  t.strictSame(written, ['row', '\n'])
})

t.test('closing lets go of the database and of whoever waits', async t => {
  const { wait, database } = surroundings(t, { expiresAt: Date.now() + 60_000, heartbeatMs: 1000 })
  t.equal(database.listenerCount('change'), 1)
  const waited = wait.next()
  wait.close()
  t.equal(await waited, 'ended')
  t.equal(database.listenerCount('change'), 0)
})

t.test('only a token runs out', async t => {
  t.equal(expiryOf({ kind: 'user', sub: 'a', expiresAt: 7 }), 7)
  t.equal(expiryOf({ kind: 'admin', name: 'a' }), undefined)
})

t.test('no heartbeat comes within what is written in pieces', async t => {
  const { wait, written } = surroundings(t, { heartbeatMs: 100 })
  await wait.withoutHeartbeats(async () => {
    await wait.out.write('a')
    await sleep(350)
    await wait.out.write('b')
  })
  t.equal(written.join(''), 'ab')
  await eventually(() => written.includes('\n'), 'a heartbeat after it')
})
