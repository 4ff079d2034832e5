import t from 'tap'
import { BackOff } from '../../commands/back-off.ts'

t.test('what fails at once is started again later each time, up to half a minute', async t => {
  const backOff = new BackOff()
  t.strictSame(
    Array.from({ length: 7 }, () => backOff.nextDelayMs(10)),
    [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000],
  )
})

t.test('what had run well is started again soon', async t => {
  const backOff = new BackOff()
  for (let failure = 0; failure < 5; failure++) backOff.nextDelayMs(10)
  t.equal(backOff.nextDelayMs(60_000), 1000)
  t.equal(backOff.nextDelayMs(10), 2000)
})
