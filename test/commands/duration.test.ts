import t from 'tap'
import { parseDuration } from '../../commands/duration.ts'

const cases: readonly (readonly [text: string, seconds: number | undefined])[] = [
  ['7d', 604_800],
  ['12h', 43_200],
  ['30m', 1800],
  ['90s', 90],
  ['0d', undefined],
  ['7', undefined],
  ['-1d', undefined],
  ['1.5h', undefined],
  ['7 d', undefined],
  ['week', undefined],
  ['', undefined],
]

for (const [text, expected] of cases) {
  t.test(
    `${JSON.stringify(text)} is ${expected === undefined ? 'no time' : `${expected} seconds`}`,
    async t => {
      t.equal(parseDuration(text), expected)
    },
  )
}
