import t from 'tap'
import { originalText, storableText } from '../../bridge/storable-text.ts'

const cases: readonly (readonly [text: string, stored: string])[] = [
  ['session:1', 'session:1'],
  ['', ''],
  ['💪 ü', '💪 ü'],
  ['a\0b', 'a\\u0000b'],
  ['a\ud83d', 'a\\ud83d'],
  ['\udcaa\ud83d', '\\udcaa\\ud83d'],
  ['a\\u0000b', 'a\\\\u0000b'],
  ['\\', '\\\\'],
  ['\\\0', '\\\\\\u0000'],
]

t.test('any text becomes one that Postgres stores, and back', async t => {
  for (const [text, stored] of cases) {
    t.equal(storableText(text), stored)
    t.equal(originalText(stored), text)
  }
  t.equal(new Set(cases.map(([, stored]) => stored)).size, cases.length, 'different texts stay different')
})
