import t from 'tap'
import { entities } from '../../design-docs/catalogue.ts'
import { compareWithFold } from '../fixtures/fold.ts'
import { type Mirror, mirror } from '../fixtures/mirror.ts'
import { RandomEdits } from '../fixtures/random-edits.ts'
import { rounds } from '../fixtures/rounds.ts'
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

t.test('a mirror that is made anew from the documents is the one that followed their edits', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  const bridge = await program.bridge()
  const user = await program.user()
  const edits = new RandomEdits(random, program, user)
  for (let round = 0; round < rounds(12, 200); round++) {
    await edits.write(1 + random.below(60))
    // Sometimes every revision is seen, sometimes only what is left of many.
    if (random.chance(0.7)) await user.mirrored()
  }
  await user.mirrored()
  const followed = await wholeMirror(program)
  await bridge.close()
  await program.sql('drop schema divan cascade')
  for (const { table } of entities) await program.sql(`drop table ${table}`)
  await program.bridge()
  await user.mirrored()
  t.strictSame(await wholeMirror(program), followed)
})

/** Every column of every row, and the letters. How often and when a letter failed is the mirror's own history. */
async function wholeMirror({ sql }: Mirror): Promise<Record<string, unknown[]>> {
  const letters =
    'select database, doc_id, rev, entity, path, reason, seq from divan.dead_letters order by 1, 2'
  const tables: Record<string, unknown[]> = { letters: await sql(letters) }
  for (const { table } of entities) tables[table] = await sql(`select * from ${table} order by id`)
  return tables
}
