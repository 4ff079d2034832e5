import t from 'tap'
import { entities } from '../../design-docs/catalogue.ts'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFold } from '../fixtures/fold.ts'
import { mirror } from '../fixtures/mirror.ts'
import { RandomEdits } from '../fixtures/random-edits.ts'
import { rounds } from '../fixtures/rounds.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

const ALL = entities.map(({ table }) => table)

/** What a dump has brought: into which tables, and which of their rows. The first one in every run. */
const CASES: readonly (readonly [name: string, tables: readonly string[], rows: string])[] = [
  ['some of the rows of two tables', ['workout_sessions', 'routines'], "rev < '1-8'"],
  ['no rows at all', ALL, 'false'],
  ['no rows of one table', ['workout_sessions'], 'false'],
  ['all rows', ALL, 'true'],
]

t.test('a Postgres that was given back a dump in parts: with the schema divan, but not its rows', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  const start = async () => {
    const bridge = bridgeProcess(t, program.server.adminUrl, program.databaseUrl)
    await bridge.ready
    return bridge
  }
  let bridge = await start()
  const user = await program.user()
  const edits = new RandomEdits(random, program, user)
  const mirrored = async () => {
    await user.mirrored(40_000)
    await eventually(
      async () => (await program.sql('select from divan.dirty_databases')).length === 0,
      'all is mirrored',
    )
  }
  await edits.write(100)
  await user.write({ _id: 'unknown:1' })
  await mirrored()

  for (const [name, tables, rows] of CASES.slice(0, rounds(2, CASES.length))) {
    await t.test(name, async t => {
      await bridge.kill()
      await program.sql(tables.map(table => givenBack(table, rows)).join(';\n'))
      await program.sql(STRANGER)
      await edits.write(10)
      bridge = await start()
      await mirrored()
      t.match(
        bridge.log.find(({ level }) => level === 40),
        { msg: /^the tables are not those that were mirrored into, they came from a dump/ },
      )
      await compareWithFold(t, program, user)
      t.strictSame(
        await program.sql('select from earned_badges where user_id <> $1', [user.sub]),
        [],
        'rows that nobody has go',
      )
    })
  }

  await t.test('a later start reads nothing again', async t => {
    const looked = 'select max(mirrored_at) as at from divan.checkpoints'
    const before = await program.sql(looked)
    await bridge.kill()
    await start()
    await mirrored()
    t.strictSame(await program.sql(looked), before)
  })
})

/** What a dump makes of a table: another one that looks the same. */
function givenBack(table: string, rows: string): string {
  return `create table public.given (like ${table} including all);
    insert into public.given select * from ${table} where ${rows};
    drop table ${table};
    alter table public.given rename to ${table}`
}

/** A row of somebody who was deleted after the dump was made. */
const STRANGER = `
  insert into earned_badges (id, user_id, client_id, badge_id, earned_at, created_at, updated_at, doc_id, rev, update_seq)
  values (gen_random_uuid(), gen_random_uuid(), '1', 'first', 1, now(), now(), 'badge:phone:1', '1-a', '1')`
