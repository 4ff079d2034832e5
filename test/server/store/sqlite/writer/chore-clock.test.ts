import t from 'tap'
import { ChoreClock } from '../../../../../server/store/sqlite/writer/chore-clock.ts'

/** A chore clock and the time it looks at. */
function clockAt(ms: number) {
  const time = { ms }
  return { time, clock: new ChoreClock(() => time.ms) }
}

t.test('slices follow one another while nobody writes', async t => {
  const { time, clock } = clockAt(7)
  for (let slices = 0; slices < 3; slices++) {
    t.equal(clock.isTurn(true), true, 'also right after the start')
    time.ms += 5
    clock.ended(true)
    t.equal(clock.waitMs, 0)
  }
})

t.test('chores come to their end while others write without a pause', async t => {
  const { time, clock } = clockAt(0)
  let slices = 0
  for (const end = 10_000; time.ms < end; time.ms += 5) {
    clock.asked('write')
    clock.committed()
    if (!clock.isTurn(false)) continue
    time.ms += 2
    clock.ended(true)
    slices++
  }
  t.ok(slices > 150, `${slices} slices in ten seconds`)
  t.ok(slices <= 200, 'and most of the time is for those who wait')
})

t.test('what others write without a pause is looked through, too', async t => {
  const { time, clock } = clockAt(0)
  clock.ended(false)
  for (const end = 1000; time.ms < end && !clock.isTurn(false); time.ms += 5) clock.committed()
  t.equal(time.ms, 50)
})

t.test('without anything to do it looks again after a minute', async t => {
  const { time, clock } = clockAt(0)
  clock.ended(false)
  t.equal(clock.isTurn(true), false)
  t.equal(clock.waitMs, 60_000)
  time.ms += 59_999
  t.equal(clock.isTurn(true), false)
  time.ms += 1
  t.equal(clock.isTurn(true), true)
})

t.test('what often makes a chore is followed by a look at once, all else soon', async t => {
  const { time, clock } = clockAt(0)
  for (const kind of ['compact', 'closeUpload', 'reap'] as const) {
    clock.ended(false)
    clock.asked(kind)
    t.equal(clock.isTurn(true), true, kind)
  }
  for (const kind of ['write', 'writeLocalDoc', 'writeUpload'] as const) {
    clock.ended(false)
    clock.asked(kind)
    t.equal(clock.isTurn(true), false, kind)
    clock.committed()
    t.equal(clock.waitMs, 10)
    time.ms += 9
    clock.committed()
    t.equal(clock.waitMs, 1, 'later commits do not put it off')
    time.ms += 1
    t.equal(clock.isTurn(true), true, kind)
  }
})

t.test('a chore that failed rests, whatever is asked for meanwhile', async t => {
  const { time, clock } = clockAt(0)
  clock.failed()
  clock.asked('compact')
  clock.committed()
  t.equal(clock.isTurn(true), false)
  t.equal(clock.isTurn(false), false)
  t.equal(clock.waitMs, 30_000)
  time.ms += 30_000
  t.equal(clock.isTurn(true), true)
})
