import t from 'tap'
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
