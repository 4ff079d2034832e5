import { once } from 'node:events'
import t from 'tap'
import { timeLimited } from '../../../server/http/time-limited.ts'
import { collectGarbage } from '../../fixtures/collect-garbage.ts'

t.test('the time is over also when garbage was collected meanwhile', async t => {
  const { signal, end } = timeLimited(new AbortController().signal, 50)
  const over = once(signal, 'abort')
  await collectGarbage()
  await over
  t.equal(signal.reason.name, 'TimeoutError')
  end()
})

t.test('the other signal aborts it, too, and what is ended listens no more', async t => {
  const other = new AbortController()
  const [limited, ended] = [timeLimited(other.signal, 10_000), timeLimited(other.signal, 10_000)]
  ended.end()
  const reason = new Error('gone')
  other.abort(reason)
  t.equal(limited.signal.reason, reason)
  t.equal(ended.signal.aborted, false)
  limited.end()
  t.equal(timeLimited(other.signal, 10_000).signal.reason, reason, 'one that has aborted before')
})
