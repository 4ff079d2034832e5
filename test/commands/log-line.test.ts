import t from 'tap'
import { readableLogLine } from '../../commands/log-line.ts'

const cases: readonly (readonly [line: string, expected: string])[] = [
  ['{"level":30,"time":1,"name":"bridge","msg":"mirroring"}', 'bridge: mirroring'],
  ['{"level":40,"name":"bridge","msg":"waiting"}', 'bridge: warning: waiting'],
  ['{"level":50,"msg":"failed","err":{"message":"no room","stack":"…"}}', 'divan: error: failed (no room)'],
  ['{"level":40,"msg":"waiting","reason":"refused"}', 'divan: warning: waiting (refused)'],
  ['divan: a plain line', 'divan: a plain line'],
  ['{"no":"entry"}', '{"no":"entry"}'],
  ['{broken', '{broken'],
  ['', ''],
]

for (const [line, expected] of cases) {
  t.test(`${JSON.stringify(line)} reads ${JSON.stringify(expected)}`, async t => {
    t.equal(readableLogLine(line), expected)
  })
}
