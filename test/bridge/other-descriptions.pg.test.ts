import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { listDeadLetters } from '../../bridge/dead-letters.ts'
import { eventually } from '../fixtures/eventually.ts'
import { mirror, type User } from '../fixtures/mirror.ts'
import { otherVersion } from '../fixtures/other-version.ts'
import { rounds } from '../fixtures/rounds.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

const BADGE = 'design-docs/entities/badge.ts'

function badgeDoc(members: { readonly [member: string]: unknown } = {}) {
  const clientId = randomUUID()
  const times = { earnedAt: 1_700_000_000_000, createdAt: 1, updatedAt: 1 }
  return { _id: `badge:${clientId}`, type: 'badge', clientId, badgeId: 'first', ...times, ...members }
}

t.test('a field more and longer texts: added in place and filled; the bridge before them ends', async t => {
  const program = await mirror(t)
  const old = await program.bridge()
  const user = await program.user()
  const long = badgeDoc({ badgeId: 'x'.repeat(150) })
  await user.write(badgeDoc({ note: 'early', mood: 3 }), long)
  await user.mirrored()
  t.equal((await listDeadLetters(program.databaseUrl)).length, 1, 'the text is too long as yet')

  const fields =
    "kind: 'text', maxLength: 200 },\n    note: { kind: 'text', nullable: true },\n    mood: { kind: 'integer', default: 7 },"
  const version = otherVersion(t, program, {
    file: BADGE,
    from: "kind: 'text', maxLength: 100 },",
    to: fields,
  })
  version.start('bridge')
  await eventually(async () => {
    const rows = await user.rows('earned_badges')
    return rows.some(row => row.note === 'early' && row.mood === 3) && rows.length === 2
  }, 'the new columns are filled')
  t.strictSame(await listDeadLetters(program.databaseUrl), [], 'what is allowed now has its row')

  await user.write(badgeDoc({ note: 'late' }))
  await eventually(
    async () => (await user.rows('earned_badges')).some(row => row.note === 'late'),
    'it mirrors',
  )
  t.match(await old.ended, { name: 'BridgeError', message: /with other descriptions has changed the tables/ })
  await old.close()
  await t.rejects(program.bridge(), { name: 'BridgeError', message: /no field mood is known here/ })
  const rows = await user.rows('earned_badges')
  t.strictSame(
    rows.map(({ note, mood }) => [note, mood]).sort(),
    [
      ['early', 3],
      ['late', 7],
      [null, 7],
    ].sort(),
  )
})

t.test('what cannot be extended is refused, and made anew by one command, killed as it may be', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  const old = await program.bridge()
  const users = await Promise.all(Array.from({ length: rounds(12, 100) }, () => program.user()))
  for (const user of users) {
    const docs = Array.from({ length: 20 }, () => badgeDoc({ celebratedAt: 5, rank: 'gold' }))
    await user.write(...docs, badgeDoc({ celebratedAt: 5.5 }))
  }
  for (const user of users) await user.mirrored()
  const letters = await listDeadLetters(program.databaseUrl)
  t.equal(letters.length, users.length, 'a fraction fits no bigint')

  const from = "celebratedAt: { kind: 'long', nullable: true }"
  const version = otherVersion(
    t,
    program,
    { file: BADGE, from, to: "celebratedAt: { kind: 'float', nullable: true }" },
    {
      file: 'bridge/descriptions/record.ts',
      from: 'export async function holdRebuild',
      to: `${LATE}export async function holdRebuild`,
    },
    {
      file: 'bridge/descriptions/record.ts',
      from: 'if (found?.rows[0]?.rebuilding !== token)',
      to: 'await late()\n  if (found?.rows[0]?.rebuilding !== token)',
    },
  )
  const refused = await version.run('bridge')
  t.equal(refused.code, 1)
  t.match(
    refused.output,
    /of earned_badges, the field celebratedAt was bigint and is double precision.*those with the descriptions of the tables go on.* npx divan rebuild/,
  )
  t.equal(refused.output.trim().split('\n').length, 1, 'it is one line')
  const [user] = users
  await user?.write(badgeDoc())
  await user?.mirrored()

  await program.sql('create view badges as select badge_id from earned_badges')
  const lossy = await version.run('rebuild')
  t.match(lossy, { code: 1, output: /the view \S*badges\. Drop this first/ })
  await program.sql('drop view badges')
  const analyst = `analyst_${randomUUID().replaceAll('-', '')}`
  await program.sql(`create role ${analyst}`)
  t.teardown(() => program.sql(`drop owned by ${analyst}; drop role ${analyst}`))
  await program.sql(`grant select on earned_badges to ${analyst}`)

  const stopped = new AbortController()
  const watching = watch(program, users.length * 20 + 1, stopped.signal)
  let end = { code: null as number | null, output: '' }
  for (let round = 0; round < 30 && end.code !== 0; round++) {
    const command = version.start('rebuild')
    const patience = 700 + round * 150 + random.below(600)
    await Promise.race([command.ended, sleep(patience)])
    await command.kill()
    end = await command.ended
  }
  stopped.abort()
  t.equal(end.code, 0, end.output)
  t.strictSame(await watching, [], 'whoever reads meanwhile sees all rows')
  t.match(await old.ended, { name: 'BridgeError' }, 'the bridge of before has ended')
  await old.close()
  await t.rejects(program.bridge(), { name: 'BridgeError', message: /celebratedAt was double precision/ })

  version.start('bridge')
  const rows = await program.sql(
    'select celebrated_at, count(*)::int as n from earned_badges group by 1 order by 1',
  )
  t.strictSame(rows, [
    { celebrated_at: 5, n: users.length * 20 },
    { celebrated_at: 5.5, n: users.length },
    { celebrated_at: null, n: 1 },
  ])
  t.strictSame(await listDeadLetters(program.databaseUrl), [], 'what fits now has rows')
  const [right] = await program.sql(
    `select has_table_privilege('${analyst}', 'earned_badges', 'select') as kept`,
  )
  t.strictSame(right, { kept: true }, 'others keep their rights')
  t.strictSame(await program.sql(`select 1 from pg_namespace where nspname = 'divan_rebuild'`), [])
  await user?.write(badgeDoc({ celebratedAt: 0.25 }))
  await eventually(
    async () => (await program.sql('select 1 from earned_badges where celebrated_at = 0.25')).length === 1,
    'the new bridge goes on',
  )
})

/** Makes each transaction of a rebuild late, so that a kill finds it in the middle. */
const LATE = `const late = () => new Promise(resolve => setTimeout(resolve, 120))\n`

/** Counts the rows again and again, as a reader would. What he saw besides all of them. */
async function watch(
  program: { sql(text: string): Promise<Record<string, unknown>[]> },
  least: number,
  signal: AbortSignal,
): Promise<number[]> {
  const wrong: number[] = []
  while (!signal.aborted) {
    const [row] = await program.sql('select count(*)::int as n from earned_badges')
    const found = Number(row?.n)
    if (found < least) wrong.push(found)
    await sleep(10)
  }
  return wrong
}

t.test('going back to the descriptions of before is a rebuild, too', async t => {
  const program = await mirror(t)
  const bridge = await program.bridge()
  const user: User = await program.user()
  await user.write(badgeDoc({ note: 'kept in the document' }))
  await user.mirrored()
  await bridge.close()
  const to = "kind: 'text', maxLength: 100 },\n    note: { kind: 'text', nullable: true },"
  const version = otherVersion(t, program, { file: BADGE, from: "kind: 'text', maxLength: 100 },", to })
  const newer = version.start('bridge')
  await eventually(async () => (await user.rows('earned_badges'))[0]?.note !== undefined, 'it has a column')
  await newer.kill()
  const back = await otherVersion(t, program).run('rebuild')
  t.match(back, { code: 0, output: /making anew: earned_badges/ })
  await program.bridge()
  await user.mirrored()
  t.notOk('note' in ((await user.rows('earned_badges'))[0] ?? {}))
  const all = await otherVersion(t, program).run('rebuild', 'all')
  t.match(all, { code: 0, output: /workout_sessions/ })
  t.equal((await user.rows('earned_badges')).length, 1)
  await user.write(badgeDoc())
  await user.mirrored()
  t.equal(
    (await user.rows('earned_badges')).length,
    2,
    'a bridge of the same descriptions has waited, and goes on',
  )
  const one = await otherVersion(t, program).run('rebuild', user.database)
  t.match(one, { code: 0, output: /are made anew/ })
  t.match(await otherVersion(t, program).run('rebuild', 'nothing'), {
    code: 1,
    output: /none of the mirror's tables/,
  })
  t.match(await otherVersion(t, program).run('rebuild'), { code: 0, output: /nothing to make anew/ })
})
