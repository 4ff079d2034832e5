import { pino } from 'pino'
import t from 'tap'
import { Outage } from '../../bridge/outage.ts'

/** An outage, by a clock that the test moves, and what it says. */
function outage(t: import('tap').Test) {
  const said: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(JSON.parse(line).msg) })
  let now = 1_700_000_000_000
  t.intercept(Date, 'now', { value: () => now })
  const watched = new Outage(log, { begins: 'away', ends: 'back' })
  return {
    said,
    watched,
    after(seconds: number) {
      now += seconds * 1000
    },
  }
}

t.test('it begins once and is over when all that failed has succeeded since', async t => {
  const { watched, said, after } = outage(t)
  watched.over('a')
  for (const what of ['a', 'b', 'a']) watched.report(new Error('no'), what)
  after(5)
  watched.over('the search')
  watched.over('a')
  t.strictSame(said, ['away'], 'b has not succeeded')
  t.match(watched.away, { reason: 'no' })
  watched.report(new Error('still no'), 'a')
  after(5)
  watched.over('b')
  watched.over('a')
  t.strictSame(said, ['away', 'back, after 5 s'])
  t.equal(watched.away, undefined)
  watched.report(new Error('no'), 'a')
  t.strictSame(said, ['away', 'back, after 5 s', 'away'])
  t.equal(watched.count, 2)
})

t.test('what succeeds at once after a failure does not end it: it may fail again', async t => {
  const { watched, said, after } = outage(t)
  for (let i = 0; i < 20; i++) {
    watched.report(new Error('now and then'), 'a')
    after(1)
    watched.over('a')
  }
  t.strictSame(said, ['away'])
  after(2)
  watched.over('the search')
  t.strictSame(said, ['away', 'back, after 19 s'])
})

t.test('what nobody asks for any more does not keep it', async t => {
  const { watched, said, after } = outage(t)
  watched.report(new Error('no'), 'a database that another bridge has mirrored')
  after(61)
  watched.over('the search')
  t.strictSame(said, ['away', 'back, after 0 s'])
})
