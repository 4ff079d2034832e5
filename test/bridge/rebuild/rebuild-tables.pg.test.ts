import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { listDeadLetters } from '../../../bridge/dead-letters.ts'
import { rebuildMirror } from '../../../bridge/rebuild/rebuild-mirror.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { mirror } from '../../fixtures/mirror.ts'
import { watchedBridge } from '../../fixtures/watched-bridge.ts'
import { sessionDoc } from '../../fixtures/workout.ts'

t.test('a rebuild begins nothing that it cannot finish, and what it began may be given up', async t => {
  const program = await mirror(t)
  const bridge = await watchedBridge(t, program.server.adminUrl, program.databaseUrl)
  await bridge.started
  await program.sql('alter table workout_sessions add constraint light check (weight_per_cable_kg < 100)')
  const user = await program.user()
  await user.write(sessionDoc(), sessionDoc({ weightPerCableKg: 100 }))
  await user.mirrored()
  const rebuilding = async () =>
    (await program.sql('select rebuilding from divan.descriptions'))[0]?.rebuilding
  const lines: string[] = []
  const rebuild = (what: string, other: Partial<Parameters<typeof rebuildMirror>[0]> = {}) =>
    rebuildMirror({
      serverUrl: program.server.adminUrl,
      databaseUrl: program.databaseUrl,
      what,
      signal: new AbortController().signal,
      say: line => lines.push(line),
      ...other,
    })

  await t.test('not with a wrong password', async t => {
    const serverUrl = Object.assign(new URL(program.server.adminUrl), { password: 'wrong' }).href
    await t.rejects(rebuild('all', { serverUrl }), /answers 401.* Check DIVAN_SERVER_URL/)
    t.equal(await rebuilding(), null)
  })

  await t.test('not without a server', async t => {
    await t.rejects(rebuild('all', { serverUrl: 'http://a:b@127.0.0.1:9' }), /no usable answer from/)
    t.equal(await rebuilding(), null)
  })

  await t.test('not by one who may make tables but does not own those there are', async t => {
    const role = `poor_${randomUUID().replaceAll('-', '')}`
    await program.sql(`create role ${role} login password 'secret'`)
    t.teardown(() => program.sql(`drop owned by ${role}; drop role ${role}`))
    const databaseUrl = Object.assign(new URL(program.databaseUrl), {
      username: role,
      password: 'secret',
    }).href
    const database = new URL(databaseUrl).pathname.slice(1)
    await program.sql(`grant create on database "${database}" to ${role}; grant usage on schema divan to ${role};
      grant all on all tables in schema divan, public to ${role}`)
    await t.rejects(rebuild('earned_badges', { databaseUrl }), /no right to use the sequence divan.marks/)
    await program.sql(`grant all on all sequences in schema divan to ${role}`)
    await t.rejects(rebuild('earned_badges', { databaseUrl }), /must own the table earned_badges/)
    await program.sql(`alter table earned_badges owner to ${role}`)
    await t.rejects(rebuild('earned_badges', { databaseUrl }), /must create tables in the schema public/)
    t.equal(await rebuilding(), null)
    await program.sql(`grant create on schema public to ${role}`)
    await rebuild('earned_badges', { databaseUrl })
    t.match(lines.at(-1), /the bridges go on/)
    await program.sql(`grant ${role} to current_user`)
    await program.sql('alter table earned_badges owner to current_user')
  })

  await t.test('one that is cut off keeps the bridges waiting, and they say for what', async t => {
    const say = (line: string) => {
      if (line.endsWith('databases read')) throw new Error('cut off')
    }
    await t.rejects(rebuild('all', { say }), /cut off/)
    await user.write(sessionDoc())
    const waiting = await eventually(async () => {
      const { status, body } = await bridge.health()
      return status === 503 && body
    }, 'the bridge waits')
    t.match(waiting, { status: 'waiting', rebuild: { since: /^\d{4}-/, reason: /npx divan rebuild cancel/ } })
    t.equal((await bridge.metrics()).get('divan_bridge_outage{of="rebuild"}'), 1)
    t.strictSame(
      await listDeadLetters(program.databaseUrl),
      [],
      'the new tables take what the old ones refuse',
    )
    t.equal((await user.rows('workout_sessions')).length, 1)
  })

  await t.test('given up, the mirror is as it was, and goes on', async t => {
    await rebuild('cancel')
    t.match(lines.at(-1), /given up/)
    await user.mirrored()
    t.equal((await user.rows('workout_sessions')).length, 2)
    t.match(
      await listDeadLetters(program.databaseUrl),
      [{ path: 'light' }],
      'what the old ones refuse is told again',
    )
    t.strictSame(await program.sql(`select 1 from pg_namespace where nspname = 'divan_rebuild'`), [])
    await eventually(async () => (await bridge.health()).status === 200, 'the bridge is ready')
    await rebuild('cancel')
    t.match(lines.at(-1), /no rebuild is under way/)
  })

  await t.test('beside a bridge, which then goes on with what was written meanwhile', async t => {
    let written: Promise<unknown> = Promise.resolve()
    await rebuild('all', {
      say: line => {
        if (line.startsWith('making anew')) written = user.write(sessionDoc())
      },
    })
    await written
    await user.mirrored()
    t.equal((await user.rows('workout_sessions')).length, 4, 'and the table is new: it has no constraint')
    t.strictSame(await listDeadLetters(program.databaseUrl), [])
  })

  await t.test(
    'not under a reader who would see an empty table, nor under one who holds the old one',
    async t => {
      const [early, holder] = [new pg.Client(program.databaseUrl), new pg.Client(program.databaseUrl)]
      for (const reader of [early, holder]) {
        await reader.connect()
        t.teardown(() => reader.end())
      }
      const count = async (reader: pg.Client) =>
        (await reader.query('select count(*)::int as n from workout_sessions')).rows[0]?.n
      const said = (what: RegExp) => eventually(async () => lines.some(line => what.test(line)), String(what))
      await early.query('begin isolation level repeatable read')
      await early.query('select from users')
      const done = rebuild('workout_sessions')
      await said(/would see empty tables.*; trying again/)
      t.equal(await count(early), 4, 'he sees what there was when he began')
      await holder.query('begin')
      t.equal(await count(holder), 4)
      await early.query('commit')
      await said(/lock timeout; trying again/)
      await holder.query('commit')
      await done
      t.equal(await count(early), 4)
      t.equal(await rebuilding(), null)
    },
  )

  await t.test('of a database that nobody has', async t => {
    await t.rejects(
      rebuild('userdb-333333'),
      /neither the server nor the mirror has a database userdb-333333/,
    )
    t.strictSame(
      await program.sql(`select 1 from divan.dirty_databases where database = 'userdb-333333'`),
      [],
    )
    await rebuild(user.database)
    t.match(lines.at(-1), /are made anew/)
  })
})
