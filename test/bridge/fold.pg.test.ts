import t from 'tap'
import { compareWithFold } from '../fixtures/fold.ts'
import { mirror } from '../fixtures/mirror.ts'
import { RandomEdits } from '../fixtures/random-edits.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

t.test('whatever is edited, the tables equal the fold of the documents', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const edits = new RandomEdits(random, program, user)
  for (let round = 0; round < 15; round++) {
    await edits.write(1 + random.below(120))
    await user.mirrored()
    await compareWithFold(t, program, user)
    if (!t.passing()) return
  }
})
