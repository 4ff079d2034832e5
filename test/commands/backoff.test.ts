import t from 'tap'
import { Backoff } from '../../commands/backoff.ts'

t.test('what fails at once is started again later each time, up to half a minute', async t => {
  const backoff = new Backoff()
  t.strictSame(
    Array.from({ length: 7 }, () => backoff.nextDelayMs(10)),
    [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000],
  )
})

t.test('what had run well is started again soon', async t => {
  const backoff = new Backoff()
  for (let failure = 0; failure < 5; failure++) backoff.nextDelayMs(10)
  t.equal(backoff.nextDelayMs(60_000), 1000)
  t.equal(backoff.nextDelayMs(10), 2000)
})
