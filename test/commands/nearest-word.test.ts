import t from 'tap'
import { editDistance, nearestWord } from '../../commands/nearest-word.ts'

const cases: readonly (readonly [from: string, to: string, edits: number])[] = [
  ['', '', 0],
  ['start', 'start', 0],
  ['strat', 'start', 2],
  ['stat', 'start', 1],
  ['', 'demo', 4],
  ['kitten', 'sitting', 3],
]

for (const [from, to, edits] of cases) {
  t.test(`from ${JSON.stringify(from)} to ${JSON.stringify(to)} it takes ${edits} edits`, async t => {
    t.equal(editDistance(from, to), edits)
    t.equal(editDistance(to, from), edits)
  })
}

t.test('the nearest word is what was meant', async t => {
  t.equal(nearestWord('tokn', ['start', 'token', 'demo']), 'token')
  t.equal(nearestWord('tokn', []), undefined)
})
