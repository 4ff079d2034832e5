import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { MirrorReader } from '../../../bridge/watch/mirror-reader.ts'
import type { MirrorState } from '../../../bridge/watch/mirror-state.ts'

const state: MirrorState = { databases: 1, dirty: 0, lagging: [], letters: [], lastBatchAt: undefined }

t.test('many who ask at once, and soon after, cost one reading', async t => {
  let readings = 0
  const reader = new MirrorReader(async () => {
    readings++
    await sleep(50)
    return state
  })
  t.same(await Promise.all([reader.state(), reader.state(), reader.state()]), [state, state, state])
  t.equal(await reader.state(), state)
  t.equal(readings, 1)
})

t.test('what failed is undefined, and is read again by the next who asks', async t => {
  let readings = 0
  const reader = new MirrorReader(async () => {
    if (++readings === 1) throw new Error('away')
    return state
  })
  t.equal(await reader.state(), undefined)
  t.equal(await reader.state(), state)
})

t.test('who asks a Postgres that hangs is answered all the same', async t => {
  // Its own timer keeps no process alive.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  let readings = 0
  const reader = new MirrorReader(() => {
    readings++
    return new Promise(() => {})
  })
  const before = performance.now()
  t.same(await Promise.all([reader.state(), reader.state()]), [undefined, undefined])
  t.ok(performance.now() - before < 5000)
  t.equal(readings, 1)
})
