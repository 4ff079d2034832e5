import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { BridgeError } from '../../../bridge/bridge-error.ts'
import { openPool } from '../../../bridge/postgres-client.ts'
import { prepareSchema } from '../../../bridge/schema/migrations.ts'
import { entities } from '../../../design-docs/catalogue.ts'
import { query } from '../../fixtures/query.ts'
import { throwawayDatabase } from '../../fixtures/throwaway-database.ts'

async function prepare(databaseUrl: string): Promise<void> {
  const pool = openPool(databaseUrl, 1)
  try {
    await prepareSchema(pool)
  } finally {
    await pool.end()
  }
}

/** The one line an operator reads. */
async function complaint(t: Test, databaseUrl: string): Promise<string> {
  const error = await prepare(databaseUrl).then(
    () => undefined,
    error => error,
  )
  t.type(error, BridgeError)
  t.notMatch(error.message, /\n/, 'it is one line')
  return error.message
}

t.test('many bridges that start at once make one schema', async t => {
  const url = await throwawayDatabase(t)
  await Promise.all(Array.from({ length: 10 }, () => prepare(url)))
  const tables = await query(
    url,
    `select table_name from information_schema.tables where table_schema = 'public'`,
  )
  t.strictSame(tables.map(row => row.table_name).sort(), entities.map(entity => entity.table).sort())
  const migrations = await query(url, 'select version from divan.migrations order by version')
  t.equal(migrations[0]?.version, 1)
})

t.test('a schema of a newer version is left alone', async t => {
  const url = await throwawayDatabase(t)
  await prepare(url)
  await query(url, 'insert into divan.migrations (version) values (1000)')
  t.match(await complaint(t, url), /newer version of Divan \(schema 1000/)
})

t.test(
  'a field that a description gained becomes a column, and everything is read again to fill it',
  async t => {
    const url = await throwawayDatabase(t)
    await prepare(url)
    await query(url, 'alter table workout_sessions drop column rpe, drop column safety_flags')
    await query(url, `insert into divan.checkpoints values ('userdb-61', '7-abc', now())`)
    await prepare(url)
    const columns = await query(
      url,
      `select column_name, column_default, is_nullable from information_schema.columns
      where table_name = 'workout_sessions' and column_name in ('rpe', 'safety_flags') order by 1`,
    )
    t.strictSame(columns, [
      { column_name: 'rpe', column_default: null, is_nullable: 'YES' },
      { column_name: 'safety_flags', column_default: '0', is_nullable: 'NO' },
    ])
    t.strictSame(await query(url, 'select database, cursor from divan.checkpoints'), [
      { database: 'userdb-61', cursor: null },
    ])
    t.equal((await query(url, 'select database from divan.dirty_databases')).length, 1)
  },
)

t.test('a column of another type is refused with its name', async t => {
  const url = await throwawayDatabase(t)
  await prepare(url)
  await query(url, 'alter table routines alter column use_count type text')
  t.match(await complaint(t, url), /routines\.use_count is text where its description says integer/)
})

t.test('a required field that a table lacks is refused', async t => {
  const url = await throwawayDatabase(t)
  await prepare(url)
  await query(url, 'alter table routines drop column name')
  t.match(await complaint(t, url), /routines has no column name, and its field is required/)
})

t.test('a table of the bridge’s own that was dropped is named, with what mends it', async t => {
  const url = await throwawayDatabase(t)
  await prepare(url)
  await query(url, 'drop table divan.dead_letters')
  t.match(await complaint(t, url), /divan\.dead_letters was dropped: .* drop schema divan cascade/)
  await query(url, 'drop table divan.migrations')
  t.match(await complaint(t, url), /divan\.migrations was dropped/)
  await query(url, 'drop schema divan cascade')
  await prepare(url)
})

t.test('columns that others have added do not disturb', async t => {
  const url = await throwawayDatabase(t)
  await prepare(url)
  await query(url, 'alter table routines add column note text')
  await prepare(url)
})

t.test(
  'a user who may write rows but make nothing can run a bridge; one who may not write is told so',
  async t => {
    const url = await throwawayDatabase(t)
    await prepare(url)
    const { role, asRole } = await poorRole(t, url)
    t.match(await complaint(t, asRole), /denied for schema divan: .* needs usage/)
    await query(url, `grant usage on schema divan to ${role}`)
    t.match(await complaint(t, asRole), /denied for table migrations: .* needs .*select/)
    await query(url, `grant all on all tables in schema divan to ${role}`)
    t.match(await complaint(t, asRole), /has no right to select on the table/)
    await query(url, `grant all on all tables in schema public to ${role}`)
    t.match(await complaint(t, asRole), /has no right to use the sequence divan.marks/)
    await query(url, `grant all on all sequences in schema divan to ${role}`)
    await query(url, `revoke delete on divan.dead_letters from ${role}`)
    t.match(await complaint(t, asRole), /has no right to delete on the table divan.dead_letters/)
    await query(url, `grant delete on divan.dead_letters to ${role}`)
    await prepare(asRole)
    await query(url, 'alter table workout_sessions drop column rpe')
    t.match(await complaint(t, asRole), /must be owner .* needs to own the table workout_sessions/)
  },
)

t.test('a user who may make too little is told which right he needs', async t => {
  const url = await throwawayDatabase(t)
  const { role, asRole } = await poorRole(t, url)
  t.match(await complaint(t, asRole), /denied for database .* needs create on the database/)
  await query(url, `create schema divan; grant usage on schema divan to ${role}`)
  t.match(
    await complaint(t, asRole),
    /denied for schema divan: .* needs usage and create on the schema divan/,
  )
  await query(url, `grant create on schema divan to ${role}`)
  t.match(await complaint(t, asRole), /denied for schema public: .* needs create on the schema public/)
  await query(url, `grant create on schema public to ${role}`)
  await prepare(asRole)
})

/** A user who may do nothing but connect. */
async function poorRole(t: Test, url: string): Promise<{ readonly role: string; readonly asRole: string }> {
  const role = `poor_${randomUUID().replaceAll('-', '')}`
  await query(url, `create role ${role} login password 'secret'`)
  t.teardown(async () => {
    await query(url, `drop owned by ${role}`)
    await query(url, `drop role ${role}`)
  })
  return { role, asRole: Object.assign(new URL(url), { username: role, password: 'secret' }).href }
}
