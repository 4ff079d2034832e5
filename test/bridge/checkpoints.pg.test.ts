import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startBridge } from '../../bridge/bridge.ts'
import { moveCheckpoint, takeCheckpoint } from '../../bridge/checkpoints.ts'
import { clearMark, markDirty, readDirty } from '../../bridge/marks.ts'
import { inTransaction, openPool } from '../../bridge/postgres-client.ts'
import { prepareSchema } from '../../bridge/schema/migrations.ts'
import { appliedTwice, noteAppliedRows } from '../fixtures/applied-rows.ts'
import { eventually } from '../fixtures/eventually.ts'
import { mirror } from '../fixtures/mirror.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'
import { sessionDoc } from '../fixtures/workout.ts'

async function preparedPool(t: import('tap').Test) {
  const pool = openPool(await throwawayDatabase(t), 3)
  t.teardown(() => pool.end())
  await prepareSchema(pool)
  return pool
}

t.test('of two transactions that read the same cursor one gives up, at once and also later', async t => {
  const pool = await preparedPool(t)
  await inTransaction(pool, sql => markDirty(sql, { databases: ['db'], remade: [] }))
  const dirty = await readDirty(pool, 'db')
  t.match(dirty, { mark: /^\d+$/, cursor: undefined })
  await inTransaction(pool, async first => {
    t.ok(await takeCheckpoint(first, 'db', undefined))
    const second = await inTransaction(pool, sql => takeCheckpoint(sql, 'db', undefined))
    t.notOk(second, 'it does not even wait')
    await moveCheckpoint(first, 'db', '1-a')
  })
  t.notOk(await inTransaction(pool, sql => takeCheckpoint(sql, 'db', undefined)), 'the cursor has moved')
  t.ok(await inTransaction(pool, sql => takeCheckpoint(sql, 'db', '1-a')))
})

t.test('a database that is marked again while it is mirrored stays dirty', async t => {
  const pool = await preparedPool(t)
  const marks = { databases: ['db'], remade: [] }
  await inTransaction(pool, sql => markDirty(sql, marks))
  const dirty = await readDirty(pool, 'db')
  await inTransaction(pool, sql => markDirty(sql, marks))
  t.notOk(await inTransaction(pool, sql => clearMark(sql, 'db', dirty?.mark ?? '')))
  const again = await readDirty(pool, 'db')
  t.not(again?.mark, dirty?.mark)
  t.ok(await inTransaction(pool, sql => clearMark(sql, 'db', again?.mark ?? '')))
  t.equal(await readDirty(pool, 'db'), undefined)
  await inTransaction(pool, sql => markDirty(sql, marks))
  t.not((await readDirty(pool, 'db'))?.mark, again?.mark, 'a mark never comes twice')
})

t.test('a database that is made anew while its first batch is under way is read from its start', async t => {
  const pool = await preparedPool(t)
  const remade = { databases: ['db'], remade: ['db'] }
  await inTransaction(pool, sql => markDirty(sql, remade))
  t.match(await readDirty(pool, 'db'), { renewal: undefined }, 'one that is new has nothing to be made anew')
  await inTransaction(pool, sql => markDirty(sql, remade))
  const again = await readDirty(pool, 'db')
  t.equal(again?.renewal, again?.mark, 'what is read of the one before may yet be committed')
})

t.test('a mark need not wait for a batch of its database', async t => {
  const pool = await preparedPool(t)
  const marks = { databases: ['db'], remade: [] }
  await inTransaction(pool, sql => markDirty(sql, marks))
  await readDirty(pool, 'db')
  await inTransaction(pool, async batch => {
    await takeCheckpoint(batch, 'db', undefined)
    await moveCheckpoint(batch, 'db', '1-a')
    await inTransaction(pool, sql => markDirty(sql, marks))
  })
  t.pass('it did not')
})

t.test('two bridges share the work and never apply a change twice', async t => {
  const program = await mirror(t)
  await (await program.bridge()).close()
  await noteAppliedRows(program, ['workout_sessions'])
  const users = await Promise.all(Array.from({ length: 12 }, () => program.user()))
  for (const user of users) await user.write(...Array.from({ length: 20 }, () => sessionDoc()))
  for (const name of ['one', 'two']) {
    const databaseUrl = `${program.databaseUrl}?application_name=${name}`
    const bridge = await startBridge({ serverUrl: program.server.adminUrl, databaseUrl, logLevel: 'silent' })
    t.teardown(() => bridge.close())
  }
  for (let round = 0; round < 10; round++) {
    await Promise.all(users.map(user => user.write(sessionDoc(), sessionDoc())))
  }
  for (const user of users) await user.mirrored()
  t.strictSame(await appliedTwice(program), [])
  const [{ count } = {}] = await program.sql('select count(*) from public.applied_rows')
  t.equal(Number(count), users.length * 40)
  const shares = await program.sql(
    'select application, count(*) from public.applied_rows group by 1 order by 1',
  )
  t.strictSame(
    shares.map(row => row.application),
    ['one', 'two'],
    'both have worked',
  )
  t.comment(shares)
})

t.test('what was marked and not mirrored when a bridge ended is mirrored by the next one', async t => {
  const program = await mirror(t)
  const first = await program.bridge()
  const user = await program.user()
  await program.sql(
    `create function refuse() returns trigger language plpgsql as $$ begin raise 'not now' using errcode = 'lock_not_available'; end $$`,
  )
  await program.sql('create trigger refuse before insert on workout_sessions execute function refuse()')
  const [{ cursor: before } = {}] = await program.sql('select cursor from divan.update_feed')
  await user.write(sessionDoc())
  await eventually(async () => {
    const [{ cursor } = {}] = await program.sql('select cursor from divan.update_feed')
    const dirty = await program.sql('select 1 from divan.dirty_databases where database = $1', [
      user.database,
    ])
    return cursor !== before && dirty.length === 1
  }, 'the feed of changed databases moves on, with a mark')
  await sleep(200)
  await first.close()
  t.strictSame(await user.rows('workout_sessions'), [])
  const cursors = await program.sql('select cursor from divan.checkpoints where database = $1', [
    user.database,
  ])
  t.notMatch(cursors[0]?.cursor, /^1-/, 'the cursor did not pass the change')
  t.strictSame(await program.sql('select * from divan.dead_letters'), [], 'it is no dead letter either')
  await program.sql('drop trigger refuse on workout_sessions')
  await program.bridge()
  await user.mirrored()
  t.equal((await user.rows('workout_sessions')).length, 1)
})

t.test('changes that come while their database is mirrored are not lost', async t => {
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  for (let round = 0; round < 100; round++) await user.write(sessionDoc())
  await user.mirrored(5000)
  t.equal((await user.rows('workout_sessions')).length, 100)
  await eventually(
    async () => (await program.sql('select 1 from divan.dirty_databases')).length === 0,
    'all is clean',
  )
})
