import t from 'tap'
import { StringEnd } from '../../../server/http/json-string.ts'
import { jsonWeight } from '../../../server/http/json-weight.ts'

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
