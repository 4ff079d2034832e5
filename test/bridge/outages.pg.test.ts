import pg from 'pg'
import t from 'tap'
import { appliedTwice, noteAppliedRows } from '../fixtures/applied-rows.ts'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { killablePostgres } from '../fixtures/killable-postgres.ts'
import { mirror } from '../fixtures/mirror.ts'
import { checkOutage, type OutageCase, outageScene } from '../fixtures/outage-case.ts'
import { postgresLine } from '../fixtures/postgres-line.ts'
import { query } from '../fixtures/query.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { sessionDoc } from '../fixtures/workout.ts'

const AWAY = /does not answer as it should/
const BUSY = /has no time for some batches/

/** pino's level of a warning. */
const WARNING = 40

const postgres = await killablePostgres(t)
const operator = (sql: string) =>
  query(`${postgres.url}?options=-c%20default_transaction_read_only%3Doff`, sql)
await operator(`create role mirror login password 'mirror'`)
await operator('grant create on database divan to mirror')
await operator('grant create, usage on schema public to mirror')

const endSessions = () =>
  operator(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'divan-bridge' and usename = 'mirror'`,
  )

async function setting(text: string): Promise<void> {
  await operator(`alter system ${text}`)
  await operator('select pg_reload_conf()')
}

/** A trigger that does this for every new or changed row of a table. */
async function trigger(body: string): Promise<void> {
  await operator(
    `create or replace function public.meddle() returns trigger language plpgsql as $$ begin ${body}; return new; end $$`,
  )
  await operator(
    'create trigger meddle before insert or update on workout_sessions for each row execute function public.meddle()',
  )
}
const noTrigger = () => operator('drop trigger meddle on workout_sessions')

/** A session of somebody else, with a transaction that is open. */
function session(statement: string): Pick<OutageCase, 'begin' | 'end'> {
  let client: pg.Client | undefined
  return {
    async begin() {
      client = new pg.Client(postgres.url)
      client.on('error', () => {})
      await client.connect()
      await client.query('begin')
      await client.query(statement)
    },
    end: async () => client?.end(),
  }
}

const OUTAGES: readonly OutageCase[] = [
  {
    name: 'Postgres is shut down',
    begin: () => postgres.stop(),
    end: () => postgres.start(),
    says: AWAY,
    reason: /terminat|shutting down|ECONN|EPIPE|connection/,
  },
  {
    name: 'Postgres is read-only, like a standby',
    begin: () => setting('set default_transaction_read_only = on'),
    end: () => setting('reset default_transaction_read_only'),
    says: AWAY,
    reason: /read-only transaction/,
  },
  {
    name: 'Postgres has no connection for the bridge',
    begin: async () => {
      await operator('alter role mirror connection limit 0')
      await endSessions()
    },
    end: () => operator('alter role mirror connection limit -1'),
    says: AWAY,
    reason: /terminating connection|too many connections/,
  },
  {
    // What Postgres says when it cannot extend a file.
    name: 'the disk is full',
    begin: () => trigger(`raise 'No space left on device' using errcode = 'disk_full'`),
    end: noTrigger,
    says: AWAY,
    reason: /No space left/,
  },
  {
    name: 'somebody has locked a table',
    ...session('lock table workout_sessions in access exclusive mode'),
    says: BUSY,
    reason: /lock timeout/,
  },
  {
    name: 'the password is another one',
    begin: async () => {
      await operator(`alter role mirror password 'other'`)
      await endSessions()
    },
    end: () => operator(`alter role mirror password 'mirror'`),
    says: AWAY,
    reason: /terminating connection|password authentication/,
  },
  {
    name: 'a right is taken away',
    begin: async () => {
      await operator('alter table workout_sessions owner to divan')
      await operator('revoke all on workout_sessions from mirror')
    },
    end: () => operator('alter table workout_sessions owner to mirror'),
    says: AWAY,
    reason: /permission denied for table workout_sessions/,
  },
]

t.test('whatever Postgres cannot do for a while: one line, patience, nothing lost', async t => {
  const random = seededRandom(t)
  const mirrorUrl = Object.assign(new URL(postgres.url), { username: 'mirror', password: 'mirror' }).href
  const line = await postgresLine(t, mirrorUrl)
  const program = await mirror(t, postgres.url)
  const bridge = bridgeProcess(t, program.server.adminUrl, line.url)
  await bridge.ready
  await noteAppliedRows(program, ['workout_sessions', 'routines', 'earned_badges'])
  await operator('grant insert on public.applied_rows to mirror')
  const scene = await outageScene(random, program, {
    bridge,
    attempts: () => line.attempts,
    serverUrl: program.server.adminUrl,
    databaseUrl: postgres.url,
  })
  const compare = async () => {
    await compareWithFolds(t, program, scene.users)
    t.strictSame(await appliedTwice(program), [])
  }
  for (const outage of OUTAGES) await t.test(outage.name, t => checkOutage(t, scene, outage))
  await compare()

  await t.test('one connection is enough', async t => {
    const from = bridge.log.length
    await operator('alter role mirror connection limit 1')
    await endSessions()
    for (let round = 0; round < 10; round++) await scene.write()
    for (const user of scene.users) await user.mirrored(40_000)
    await operator('alter role mirror connection limit -1')
    const said = bridge.log.slice(from).filter(({ msg }) => !/dead letters/.test(msg))
    t.ok(said.length <= 2, 'there may be an outage when the sessions are ended, and none later')
  })

  await t.test('Postgres is slow', async t => {
    const from = bridge.log.length
    await trigger('perform pg_sleep(0.02)')
    await scene.write()
    for (const user of scene.users) await user.mirrored(40_000)
    await noTrigger()
    t.notOk(
      bridge.log.slice(from).some(({ level, msg }) => level >= WARNING && !/dead letters/.test(msg)),
      'which is not worth a line; that what was before is over may still be said',
    )
  })

  await t.test('somebody else locks rows in another order', async t => {
    const [user] = scene.users
    const [first, second] = [sessionDoc(), sessionDoc()]
    await user?.write(first, second)
    await user?.mirrored()
    const lock = `select from workout_sessions where doc_id = $1 for update`
    const other = new pg.Client(postgres.url)
    await other.connect()
    await other.query('begin')
    await other.query(lock, [second._id])
    await user?.write({ ...first, targetReps: 1 }, { ...second, targetReps: 2 })
    await eventually(
      async () => (await operator('select from pg_locks where not granted')).length > 0,
      'the bridge has the first row and waits for the second',
    )
    await other.query(lock, [first._id])
    await other.query('commit')
    await other.end()
    await user?.mirrored()
    t.ok(
      bridge.log.some(({ reason }) => /deadlock/.test(reason ?? '')),
      'it was a deadlock, and the bridge gave way',
    )
  })
  await compare()
  t.notOk(
    bridge.log.some(({ level }) => level >= 50),
    'nothing happened that was not foreseen',
  )
})
