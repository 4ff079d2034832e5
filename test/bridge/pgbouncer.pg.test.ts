import pg from 'pg'
import t from 'tap'
import { replayDeadLetters } from '../../bridge/dead-letters.ts'
import { rebuildMirror } from '../../bridge/rebuild/rebuild-mirror.ts'
import { appliedTwice, noteAppliedRows } from '../fixtures/applied-rows.ts'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { mirror } from '../fixtures/mirror.ts'
import { pgbouncer, pgbouncerProgram } from '../fixtures/pgbouncer.ts'
import { RandomEdits } from '../fixtures/random-edits.ts'
import { rounds } from '../fixtures/rounds.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'
import { sessionDoc } from '../fixtures/workout.ts'

/** Fewer than one bridge would use. */
const POOL_SIZE = 3

const program = pgbouncerProgram()
const skip = program === undefined && 'there is no pgbouncer in the PATH (Debian has a package of that name)'

t.test('bridges behind PgBouncer in transaction mode', { skip }, async t => {
  const random = seededRandom(t)
  const databaseUrl = await throwawayDatabase(t)
  const pooledUrl = await pgbouncer(t, program ?? '', { databaseUrl, poolSize: POOL_SIZE })
  const both = await mirror(t, databaseUrl)
  const serverUrl = both.server.adminUrl
  const start = () => bridgeProcess(t, serverUrl, pooledUrl)
  let bridges = [start(), start()]
  for (const bridge of bridges) await bridge.ready
  await noteAppliedRows(both, ['workout_sessions', 'routines', 'earned_badges'])
  const users = await Promise.all(Array.from({ length: 6 }, () => both.user()))
  const edits = users.map(user => new RandomEdits(random, both, user))
  const write = () => Promise.all(edits.map(edit => edit.write(30)))
  const mirrored = async () => {
    for (const user of users) await user.mirrored(40_000)
  }

  await t.test('two share the work, and one after the other is killed', async t => {
    const logs = []
    for (let round = 0; round < rounds(4, 40); round++) {
      await write()
      if (!random.chance(0.5)) continue
      const [first, ...others] = bridges
      await first?.kill()
      logs.push(...(first?.log ?? []))
      bridges = [...others, start()]
    }
    await mirrored()
    await compareWithFolds(t, both, users)
    t.strictSame(await appliedTwice(both), [])
    const said = [...logs, ...bridges.flatMap(bridge => bridge.log)]
    t.strictSame(
      said.filter(({ level, msg }) => level > 30 && !/dead letters/.test(msg)),
      [],
      'nothing is away, and nothing is unforeseen',
    )
  })

  await t.test('what Postgres refuses becomes letters, and a replay mends them', async t => {
    const [user] = users
    await both.sql(
      `alter table workout_sessions add constraint named check (routine_name <> 'refused') not valid`,
    )
    const refused = (n: number) => (n % 20 === 7 ? { routineName: 'refused' } : {})
    await user?.write(...Array.from({ length: 50 }, (_, n) => sessionDoc(refused(n))))
    await mirrored()
    await both.sql('alter table workout_sessions drop constraint named')
    t.match(await replayDeadLetters({ serverUrl, databaseUrl: pooledUrl }), { closed: 3 })
    await compareWithFolds(t, both, users)
  })

  await t.test('all tables are made anew', async t => {
    await both.sql('drop trigger note on workout_sessions')
    await both.sql('drop trigger note on routines')
    await both.sql('drop trigger note on earned_badges')
    const { signal } = new AbortController()
    await rebuildMirror({ serverUrl, databaseUrl: pooledUrl, what: 'all', signal, say: () => {} })
    await write()
    await mirrored()
    await compareWithFolds(t, both, users)
  })

  await t.test('no transaction leaves anything in the connections that others get next', async t => {
    for (const bridge of bridges) await bridge.kill()
    const clients = Array.from({ length: POOL_SIZE }, () => new pg.Client(pooledUrl))
    t.teardown(() => Promise.all(clients.map(client => client.end())))
    // While all of them are in a transaction, each has another of the pool's connections.
    for (const client of clients) {
      await client.connect()
      await client.query('begin')
    }
    for (const client of clients) t.strictSame((await client.query(LEFT)).rows, [])
  })
})

/** What a connection has kept, but for what PgBouncer itself sets for each of its clients. */
const LEFT = `
  select 'the setting ' || name as what from pg_settings where source = 'session'
     and name not in ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')
  union all select 'the statement ' || name from pg_prepared_statements
  union all select 'the channel ' || c from pg_listening_channels() c
  union all select 'a cursor' from pg_cursors where name <> ''
  union all select 'the lock ' || objid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`
