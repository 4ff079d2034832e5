import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { clearMark } from '../../../bridge/marks.ts'
import { openPool } from '../../../bridge/postgres-client.ts'
import { kindSql, LETTER_KINDS } from '../../../bridge/watch/letter-kinds.ts'
import { readMirrorState } from '../../../bridge/watch/mirror-state.ts'
import { entities } from '../../../design-docs/catalogue.ts'
import { checkInDatabase } from '../../../design-docs/check-in-database.ts'
import { userDbName } from '../../../design-docs/user-db.ts'
import { randomDoc, randomFrom } from '../../design-docs/random-docs.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { seriesOf } from '../../fixtures/metric-samples.ts'
import { mirror } from '../../fixtures/mirror.ts'
import { watchedBridge } from '../../fixtures/watched-bridge.ts'
import { sessionDoc } from '../../fixtures/workout.ts'

const program = await mirror(t)
const bridge = await watchedBridge(t, program.server.adminUrl, program.databaseUrl)
await bridge.started
const user = await program.user()

t.test('changes, rows and their way into Postgres are counted', async t => {
  const before = await bridge.metrics()
  await user.write(...Array.from({ length: 7 }, () => sessionDoc()))
  await user.mirrored()
  const after = await eventually(async () => {
    const samples = await bridge.metrics()
    return samples.get('divan_mirror_dirty_databases') === 0 && samples
  }, 'nothing is dirty')
  const more = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  t.equal(more('divan_mirror_changes_total'), 7)
  t.equal(more('divan_mirror_rows_written_total'), 7)
  t.equal(more('divan_mirror_latency_seconds_count'), 7)
  t.ok(more('divan_mirror_batches_total') > 0)
  t.ok(more('divan_mirror_turns_total{outcome="clean"}') > 0)
  t.ok((after.get('divan_mirror_latency_seconds_bucket{le="60"}') ?? 0) >= 7, 'within a minute')
  const lastBatch = after.get('divan_mirror_last_batch_timestamp_seconds') ?? 0
  t.ok(Math.abs(Date.now() / 1000 - lastBatch) < 60)
  t.equal(after.get('divan_bridge_info{version="1.2.3"}'), 1)
  t.equal(after.get('divan_bridge_ready'), 1)
  t.equal(after.get('divan_mirror_oldest_lag_seconds'), 0)
  t.same(seriesOf(after, 'divan_mirror_lag_seconds'), [])
  t.ok(after.has('nodejs_heap_size_used_bytes'))
})

t.test(
  'dead letters are counted by type and kind of reason, and no text of a document is a label',
  async t => {
    const secret = 'secret'.repeat(100)
    await user.write(
      sessionDoc({ mode: secret }),
      sessionDoc({ targetReps: secret }),
      sessionDoc({ targetReps: { [secret]: secret } }),
      sessionDoc({ mode: undefined }),
      sessionDoc({ exerciseName: 'a\0b' }),
      sessionDoc({ totalReps: 2 ** 31 }),
      sessionDoc({ clientId: randomUUID() }),
      { _id: `${secret}:${randomUUID()}` },
      { _id: `another-${secret}:${randomUUID()}` },
    )
    await user.mirrored()
    const letters = async () => {
      const samples = await bridge.metrics()
      return { samples, series: seriesOf(samples, 'divan_dead_letters') }
    }
    const { samples, series } = await eventually(async () => {
      const found = await letters()
      return found.series.length > 0 && found
    }, 'the letters')
    t.same(
      Object.fromEntries(series.map(name => [name.slice('divan_dead_letters'.length), samples.get(name)])),
      {
        '{entity="session",reason="too_long"}': 1,
        '{entity="session",reason="wrong_kind"}': 2,
        '{entity="session",reason="missing_member"}': 1,
        '{entity="session",reason="unstorable_text"}': 1,
        '{entity="session",reason="out_of_range"}': 1,
        '{entity="session",reason="wrong_id"}': 1,
        '{entity="unknown",reason="unknown_type"}': 2,
      },
    )
    t.equal(samples.get('divan_dead_letters_open'), 9)
    t.equal(samples.get('divan_mirror_dead_letters_total'), 9)
    t.notMatch([...samples.keys()].join('\n'), 'secret')

    await program.sql('insert into divan.dirty_databases (database, rebuild) values ($1, 0)', [user.database])
    await eventually(
      async () => (await program.sql('select * from divan.dirty_databases')).length === 0,
      'the database is mirrored anew',
    )
    const counted = async () => (await bridge.metrics()).get('divan_mirror_dead_letters_total')
    t.equal(await counted(), 9, 'letters of documents that are read again are no new ones')

    const bad = await program.sql('select doc_id from divan.dead_letters')
    await user.remove(...bad.map(row => String(row.doc_id)))
    await eventually(async () => (await letters()).series.length === 0, 'no letter is open')
    t.equal(await counted(), 9, 'what was counted stays')
  },
)

t.test('whatever can be wrong with a document is of a kind that has a name', async t => {
  const reasons = new Set<string>([
    'There is no body.',
    'A document may have 30000 of these objects, not 30001: write several documents.',
    'Postgres refuses the row: value "1" is out of range (22003)',
  ])
  const random = randomFrom(1)
  for (const entity of entities) {
    for (let n = 0; n < 300; n++) {
      const doc = randomDoc(entity, random)
      const kind = n % 2 === 0 ? entity.database : 'main'
      for (const { reason } of checkInDatabase(kind, String(doc._id), doc)) reasons.add(reason)
    }
  }
  t.ok(reasons.size > 30)
  const rows = await program.sql(
    `select reason, ${kindSql('reason')} as kind from unnest($1::text[]) reason`,
    [[...reasons]],
  )
  t.same(
    rows.filter(row => row.kind === 'other'),
    [],
  )
  const kinds = new Set(rows.map(row => row.kind))
  t.same(
    LETTER_KINDS.filter(([, kind]) => !kinds.has(kind)),
    [],
    'every kind is met',
  )
})

t.test('databases that lag are named, the worst fifty of them', async t => {
  const holder = new pg.Client({ connectionString: program.databaseUrl })
  await holder.connect()
  t.teardown(() => holder.end())
  // Who holds a checkpoint is taken for another bridge that is at work on it.
  const names = Array.from({ length: 60 }, () => userDbName(randomUUID()))
  await holder.query('insert into divan.checkpoints (database) select unnest($1::text[])', [names])
  await holder.query('begin')
  await holder.query('select from divan.checkpoints where database = any($1) for update', [names])
  await program.sql(
    `insert into divan.dirty_databases (database, marked_at)
     select name, now() - place * interval '1 minute' from unnest($1::text[]) with ordinality as n(name, place)`,
    [names],
  )
  const samples = await eventually(async () => {
    const samples = await bridge.metrics()
    return samples.get('divan_mirror_dirty_databases') === 60 && samples
  }, 'what is dirty')
  t.ok((samples.get('divan_mirror_oldest_lag_seconds') ?? 0) >= 3600)
  const series = seriesOf(samples, 'divan_mirror_lag_seconds')
  t.equal(series.length, 50)
  const worst = samples.get(`divan_mirror_lag_seconds{database="${names[59]}"}`) ?? 0
  t.ok(worst >= 3600 && worst < 3900)
  t.notOk(samples.has(`divan_mirror_lag_seconds{database="${names[0]}"}`))

  await holder.query('commit')
  await eventually(async () => {
    const samples = await bridge.metrics()
    return samples.get('divan_mirror_dirty_databases') === 0
  }, 'nothing is dirty, for there are no such databases')
  t.same(seriesOf(await bridge.metrics(), 'divan_mirror_lag_seconds'), [])
})

t.test(
  'a database that is written to all the time lags by what is missing, not since it was first dirty',
  async t => {
    const pool = openPool(program.databaseUrl, 1)
    t.teardown(() => pool.end())
    // No bridge takes a turn at a database that is no user's.
    const database = 'nobody-s'
    const since = async () =>
      (await readMirrorState(pool))?.lagging.find(lag => lag.database === database)?.seconds
    await pool.query(`insert into divan.dirty_databases values ($1, 1, null, now() - interval '1 hour')`, [
      database,
    ])
    t.ok(((await since()) ?? 0) >= 3600)
    const named = async () => {
      const samples = await bridge.metrics()
      const isNamed = seriesOf(samples, 'divan_mirror_lag_seconds').length > 0
      return samples.get('divan_mirror_dirty_databases') === 1 ? isNamed : undefined
    }
    await eventually(named, 'it is named')
    await pool.query(`update divan.dirty_databases set mark = 2 where database = $1`, [database])
    t.equal(await clearMark(pool, database, '1'), false, 'marked again during the turn')
    t.ok(((await since()) ?? 3600) < 600, 'up to the turn all is mirrored')
    await eventually(async () => (await named()) === false, 'one that was just written to is not named')
    t.equal(await clearMark(pool, database, '2'), true)
    t.equal(await since(), undefined)
  },
)

t.test('other paths and methods are refused', async t => {
  t.equal((await fetch(bridge.url)).status, 404)
  const posted = await fetch(`${bridge.url}/health`, { method: 'POST', body: 'x' })
  t.equal(posted.status, 405)
  t.equal(posted.headers.get('allow'), 'GET, HEAD')
  const head = await fetch(`${bridge.url}/health`, { method: 'HEAD' })
  t.equal(head.status, 200)
})
