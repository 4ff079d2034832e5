import { cp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { entities } from '../../design-docs/catalogue.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFold, compareWithFolds } from '../fixtures/fold.ts'
import { killablePostgres } from '../fixtures/killable-postgres.ts'
import { mirror } from '../fixtures/mirror.ts'
import { RandomEdits } from '../fixtures/random-edits.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { sessionDoc } from '../fixtures/workout.ts'

t.test(
  'a Postgres whose files are those of an earlier moment catches up, while the bridge lives',
  async t => {
    const random = seededRandom(t)
    const postgres = await killablePostgres(t)
    const program = await mirror(t, postgres.url)
    await program.bridge()
    const users = await Promise.all([program.user(), program.user()])
    const edits = users.map(user => new RandomEdits(random, program, user))
    const write = () => Promise.all(edits.map(edit => edit.write(60)))
    await write()
    for (const user of users) await user.mirrored()
    await postgres.stop()
    const copy = join(dirname(postgres.data), 'earlier')
    await cp(postgres.data, copy, { recursive: true })
    await postgres.start()
    await write()
    const late = await program.user()
    await late.write(sessionDoc())
    for (const user of [...users, late]) await user.mirrored(40_000)
    await postgres.stop()
    await postgres.replaceData(copy)
    await postgres.start()
    await write()
    for (const user of [...users, late]) await user.mirrored(40_000)
    await compareWithFolds(t, program, [...users, late])
  },
)

t.test('a Postgres that was given back only some of its tables', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  const first = await program.bridge()
  const [user, gone] = [await program.user(), await program.user()]
  const edits = new RandomEdits(random, program, user)
  await edits.write(150)
  await gone.write(sessionDoc())
  for (const each of [user, gone]) await each.mirrored()

  await t.test('without the bridge’s own, and with rows that nobody has any more', async t => {
    await first.close()
    await program.sql('drop schema divan cascade')
    await program.request('DELETE', gone.database)
    await program.sql(
      `insert into workout_sessions select (jsonb_populate_record(s, '{"id": "0b1f6c1e-8d6a-4b0c-9c55-3b9c1d0e2f00", "doc_id": "session:stray"}')).*
         from workout_sessions s where user_id = $1 limit 1`,
      [user.sub],
    )
    await edits.write(50)
    const bridge = await program.bridge()
    await user.mirrored()
    await eventually(async () => (await gone.rows('workout_sessions')).length === 0, 'rows of no database go')
    await compareWithFold(t, program, user)
    await bridge.close()
  })

  await t.test('without the place in the feed', async t => {
    await program.sql('delete from divan.update_feed')
    await edits.write(50)
    const bridge = await program.bridge()
    await user.mirrored()
    await compareWithFold(t, program, user)
    // And while it lives.
    await program.sql('delete from divan.update_feed')
    await edits.write(50)
    await user.mirrored()
    await compareWithFold(t, program, user)
    await bridge.close()
  })

  await t.test('without rows, of all tables but one', async t => {
    const before = await program.sql('select count(*) from workout_sessions')
    for (const { table } of entities)
      if (table !== 'workout_sessions') await program.sql(`drop table ${table}`)
    await edits.write(50)
    await program.bridge()
    await user.mirrored()
    await eventually(
      async () => (await program.sql('select 1 from divan.dirty_databases')).length === 0,
      'all is read again',
    )
    await compareWithFold(t, program, user)
    t.comment(before)
  })
})
