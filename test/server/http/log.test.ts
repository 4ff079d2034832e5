import assert from 'node:assert'
import t from 'tap'
import { createLog } from '../../../server/http/log.ts'

/** What the log writes of an error. */
function written(err: unknown): { readonly text: string; readonly err: Record<string, string> } {
  const lines: string[] = []
  createLog('info', { write: line => void lines.push(line) }).error({ err }, 'a bug')
  const text = lines.join('')
  return { text, err: JSON.parse(text).err }
}

const thrownBy = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

t.test('an error is its name, its message, where it was, and its causes', async t => {
  const cause = Object.assign(new Error('the disk is full'), { code: 'ENOSPC' })
  const { err } = written(new TypeError('could not write', { cause }))
  t.match(err, { type: 'TypeError', message: 'could not write' })
  t.match(err.stack, /^TypeError: could not write\n {4}at .*log\.test/)
  t.match(err.stack, /\ncaused by: Error \[ENOSPC\]: the disk is full\n {4}at /)
})

t.test(
  'what an error carries along stays out: members, texts that do not parse, values compared',
  async t => {
    const errors = [
      Object.assign(new Error('failed'), { body: 'SECRET', request: { headers: { cookie: 'SECRET' } } }),
      thrownBy(() => JSON.parse('{"password":"SECRET"')),
      thrownBy(() => JSON.parse('SECRET')),
      thrownBy(() => assert.strictEqual('SECRET', 'other')),
      thrownBy(() => assert.deepStrictEqual({ doc: 'SECRET' }, {})),
      new Error('outer', { cause: thrownBy(() => JSON.parse('SECRET')) }),
      new Error('outer', { cause: { body: 'SECRET' } }),
      new AggregateError([new Error('SECRET')], 'several'),
      'SECRET',
      { message: 'SECRET' },
    ]
    for (const error of errors) {
      const { text, err } = written(error)
      t.notMatch(text, /SECRET/)
      t.type(err.message, 'string')
    }
  },
)

t.test('a chain of causes that leads back to itself ends', async t => {
  const error = new Error('round')
  error.cause = error
  t.match(written(error).err.stack, /round/)
})

t.test('a line has no machine’s name in it', async t => {
  t.strictSame(Object.keys(JSON.parse(written('x').text)).sort(), ['err', 'level', 'msg', 'time'])
})
