import t from 'tap'
import { StringEnd } from '../../../server/http/json-string.ts'
import { jsonWeight, parsedBytes } from '../../../server/http/json-weight.ts'

const WEIGHTS = [
  { text: '', plainBytes: 0, values: 0 },
  { text: ' [ 1 ,\n22 ] ', plainBytes: 6, values: 2 },
  { text: '[{},{}]', plainBytes: 7, values: 4 },
  { text: '{"a":"{[,","b":[]}', plainBytes: 13, values: 3 },
  { text: '["\\"[,","\\\\",[]]', plainBytes: 10, values: 4 },
  { text: '["\\\\\\"[,",1]', plainBytes: 6, values: 2 },
  { text: '["é,[😀"]', plainBytes: 4, values: 1 },
  { text: '["without an end,[', plainBytes: 3, values: 1 },
]

t.test('what stands in strings and between values has no weight', async t => {
  for (const { text, ...weight } of WEIGHTS) t.strictSame(jsonWeight(Buffer.from(text)), weight, text)
})

t.test('a string ends at the same byte wherever its text is cut', async t => {
  for (const text of ['"', '\\"" ', '\\\\" ', 'a\\\\\\"b\\n","', '\\\\\\\\"']) {
    const source = Buffer.from(text)
    const whole = new StringEnd().find(source, 0)
    for (let cut = 0; cut < source.length; cut++) {
      const end = new StringEnd()
      const found = end.find(source.subarray(0, cut), 0) ?? end.find(source, cut)
      t.equal(found, whole, `${text} cut at ${cut}`)
    }
    t.equal(text.slice(0, whole), JSON.stringify(JSON.parse(`"${text.slice(0, whole)}`)).slice(1), text)
  }
})

t.test(
  'what parsing takes is told before: a list of nothing is heavy, text and attachments are not',
  async t => {
    const nothing = (length: number) => Buffer.from(`[${'{},'.repeat(length / 3)}{}]`)
    const samples = {
      samples: Array.from({ length: 3000 }, (_, i) => ({ timestamp: i, load: 12.5, velocity: 310 })),
    }
    for (const length of [300_000, 3_000_000]) t.ok(parsedBytes(nothing(length)) > 20 * length, `${length}`)
    t.ok(parsedBytes(Buffer.from(JSON.stringify({ data: 'ab3/'.repeat(50_000) }))) < 250_000)
    const source = Buffer.from(JSON.stringify(samples))
    t.ok(parsedBytes(source) < 12 * source.length, 'documents of the usual sort are in between')
  },
)
