import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { FreshMirrorState } from '../../../bridge/watch/fresh-mirror-state.ts'
import type { MirrorState } from '../../../bridge/watch/mirror-state.ts'

const state: MirrorState = { databases: 1, dirty: 0, lagging: [], letters: [], lastBatchAt: undefined }

t.test('many who ask at once, and soon after, cost one reading', async t => {
  let readings = 0
  const fresh = new FreshMirrorState(async () => {
    readings++
    await sleep(50)
    return state
  })
  t.same(await Promise.all([fresh.read(), fresh.read(), fresh.read()]), [state, state, state])
  t.equal(await fresh.read(), state)
  t.equal(readings, 1)
})

t.test('what failed is undefined, and is read again by the next who asks', async t => {
  let readings = 0
  const fresh = new FreshMirrorState(async () => {
    if (++readings === 1) throw new Error('away')
    return state
  })
  t.equal(await fresh.read(), undefined)
  t.equal(await fresh.read(), state)
})

t.test('who asks a Postgres that hangs is answered all the same', async t => {
  // Its own timer keeps no process alive.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  let readings = 0
  const fresh = new FreshMirrorState(() => {
    readings++
    return new Promise(() => {})
  })
  const before = performance.now()
  t.same(await Promise.all([fresh.read(), fresh.read()]), [undefined, undefined])
  t.ok(performance.now() - before < 5000)
  t.equal(readings, 1)
})
