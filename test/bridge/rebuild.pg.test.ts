import { readFileSync } from 'node:fs'
import t from 'tap'
import { couchClient } from '../../bridge/couch-client.ts'
import { listDeadLetters } from '../../bridge/dead-letters.ts'
import { openPool } from '../../bridge/postgres-client.ts'
import { rebuildMirror } from '../../bridge/rebuild/rebuild-mirror.ts'
import { prepareSchema } from '../../bridge/schema/migrations.ts'
import { findFeedPlace } from '../../bridge/updates-follower.ts'
import { eventually } from '../fixtures/eventually.ts'
import { heldBy } from '../fixtures/held-statement.ts'
import { bulkDocs, mirror } from '../fixtures/mirror.ts'
import { PROJECT_FOLDER } from '../fixtures/project-folder.ts'
import { sessionDoc } from '../fixtures/workout.ts'

t.test('a lost mirror is made again, with the same ids', async t => {
  const program = await mirror(t)
  const first = await program.bridge()
  const user = await program.user()
  const docs = [sessionDoc(), sessionDoc(), sessionDoc()]
  await user.write(...docs, { _id: 'unknown:1' })
  await user.remove(docs[0]?._id ?? '')
  await user.mirrored()
  await first.close()
  const before = await user.rows('workout_sessions')
  await program.sql('drop schema divan cascade')
  await program.sql('drop table workout_sessions')
  await program.bridge()
  await user.mirrored()
  t.strictSame(await user.rows('workout_sessions'), before)
  t.equal((await listDeadLetters(program.databaseUrl)).length, 1)
})

t.test('a table that was dropped is made again and filled', async t => {
  const program = await mirror(t)
  const first = await program.bridge()
  const user = await program.user()
  await user.write(sessionDoc(), sessionDoc())
  await user.mirrored()
  await first.close()
  const before = await user.rows('workout_sessions')
  await program.sql('drop table workout_sessions')
  await program.bridge()
  await eventually(async () => (await user.rows('workout_sessions')).length === 2, 'the rows are there again')
  t.strictSame(await user.rows('workout_sessions'), before)
})

t.test(
  'a table or column that goes under a running bridge ends it, and its next start makes it again',
  async t => {
    const program = await mirror(t)
    const user = await program.user()
    await user.write(sessionDoc())
    for (const change of [
      'drop table workout_sessions',
      'alter table workout_sessions drop column routine_name',
    ]) {
      const bridge = await program.bridge()
      await user.mirrored()
      const before = (await user.rows('workout_sessions')).length
      await program.sql(change)
      await user.write(sessionDoc())
      t.match(await bridge.ended, {
        name: 'BridgeError',
        message: /^a table of the mirror is not as it was made: .*workout_sessions.*Start the bridge again$/,
      })
      await bridge.close()
      await program.bridge().then(async next => {
        await eventually(
          async () =>
            (await user.rows('workout_sessions')).filter(row => 'routine_name' in row).length === before + 1,
          'all rows are there again',
        )
        await next.close()
      })
    }
  },
)

t.test('letters of documents that are read anew keep since when they fail; others go', async t => {
  const program = await mirror(t)
  const first = await program.bridge()
  const user = await program.user()
  const doc = sessionDoc({ targetReps: 'ten' })
  await user.write(doc, { _id: 'unknown:1' }, { _id: 'unknown:2' })
  await user.write({ ...doc, targetReps: 'eleven' })
  await user.mirrored()
  await first.close()
  const before = await listDeadLetters(program.databaseUrl)
  await program.sql(`update divan.dead_letters set doc_id = 'unknown:gone' where doc_id = 'unknown:1'`)
  await program.sql('insert into divan.dirty_databases (database, rebuild) values ($1, 0)', [user.database])
  await program.bridge()
  await eventually(
    async () => (await program.sql('select * from divan.dirty_databases')).length === 0,
    'the database is mirrored anew',
  )
  const after = new Map((await listDeadLetters(program.databaseUrl)).map(letter => [letter.docId, letter]))
  t.strictSame([...after.keys()].sort(), before.map(letter => letter.docId).sort())
  for (const letter of before.filter(({ docId }) => docId !== 'unknown:1')) {
    const { firstFailedAt, attempts } = letter
    t.match(after.get(letter.docId), { firstFailedAt, attempts: attempts + 1 }, letter.docId)
  }
})

t.test('an operator can have the rows of one database made anew', async t => {
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  await user.write(sessionDoc(), sessionDoc())
  await user.mirrored()
  const before = await user.rows('workout_sessions')
  await program.sql(`update workout_sessions set exercise_name = 'wrong'`)
  await program.sql(
    `insert into workout_sessions select (jsonb_populate_record(s, '{"id": "0b1f6c1e-8d6a-4b0c-9c55-3b9c1d0e2f00"}')).*
       from workout_sessions s limit 1`,
  )
  await program.sql('insert into divan.dirty_databases (database, rebuild) values ($1, 0)', [user.database])
  await eventually(
    async () => (await program.sql('select 1 from divan.dirty_databases')).length === 0,
    'it is done',
  )
  t.strictSame(await user.rows('workout_sessions'), before)
})

t.test('what is asked for while a batch is under way is done after it', async t => {
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const signal = AbortSignal.timeout(30_000)
  const readme = readFileSync(`${PROJECT_FOLDER}/bridge/README.md`, 'utf8')
  const [request = ''] = /^insert into divan.dirty_databases[^;]*;/m.exec(readme) ?? []
  t.match(request, 'userdb-…')
  const ways = {
    'npx divan rebuild': () =>
      rebuildMirror({
        serverUrl: program.server.adminUrl,
        databaseUrl: program.databaseUrl,
        what: user.database,
        signal,
        say: () => {},
      }),
    'the SQL of the README': () => program.sql(request.replace('userdb-…', user.database)),
  }
  const held = await heldBy(t, program.databaseUrl, 'workout_sessions')
  await held.release()
  const dirty = (which: string) => async () =>
    (await program.sql(`select from divan.dirty_databases where ${which}`)).length === 1
  for (const [way, ask] of Object.entries(ways)) {
    await user.write(sessionDoc())
    await user.mirrored()
    await program.sql(`update workout_sessions set mode = 'wrong'`)
    await held.hold()
    await user.write(sessionDoc())
    await held.waited()
    const asked = ask()
    await eventually(dirty('rebuild is not null'), 'it is asked for')
    await held.release()
    await asked
    await eventually(async () => !(await dirty('true')()), 'nothing is left to do')
    const wrong = (await user.rows('workout_sessions')).filter(({ mode }) => mode === 'wrong')
    t.strictSame(wrong, [], way)
  }
})

t.test('of rows that nothing claims those that another bridge has mirrored meanwhile stay', async t => {
  const program = await mirror(t)
  const [user, gone] = [await program.user(), await program.user()]
  await user.write(sessionDoc(), sessionDoc())
  await gone.write(sessionDoc())
  const before = await program.bridge()
  await Promise.all([user.mirrored(), gone.mirrored()])
  await before.close()
  await program.sql('drop schema divan cascade')
  for (const { database, metricsDatabase } of [user, gone]) {
    await program.request('DELETE', database)
    await program.request('DELETE', metricsDatabase)
  }

  const pool = openPool(program.databaseUrl, 3)
  t.teardown(() => pool.end())
  await prepareSchema(pool)
  const server = couchClient(program.server.adminUrl)
  let [isListed, goOn] = [false, () => {}]
  const mayGoOn = new Promise<void>(resolve => {
    goOn = resolve
  })
  const client: typeof server = {
    url: server.url,
    async json(request) {
      const answer = await server.json(request)
      if (request.path.startsWith('_all_dbs')) {
        isListed = true
        await mayGoOn
      }
      return answer
    },
  }
  const signal = AbortSignal.timeout(30_000)
  const opening = findFeedPlace({ client, pool, signal, marked: () => {} })
  await eventually(async () => isListed, 'the databases are listed')
  await program.request('PUT', user.database)
  await program.request('PUT', user.metricsDatabase)
  const docs = [sessionDoc(), sessionDoc(), sessionDoc()]
  await user.write(...docs)
  await program.bridge()
  await user.mirrored()
  goOn()
  await opening
  await eventually(
    async () => (await program.sql('select from divan.dirty_databases')).length === 0,
    'all is done',
  )
  t.strictSame(
    (await user.rows('workout_sessions')).map(({ doc_id }) => doc_id).sort(),
    docs.map(({ _id }) => _id).sort(),
  )
  t.strictSame(await gone.rows('workout_sessions'), [], 'what nobody has is gone')
})

t.test('a cursor that is put back to the start changes nothing', async t => {
  const program = await mirror(t)
  const first = await program.bridge()
  const user = await program.user()
  await user.write(...Array.from({ length: 20 }, () => sessionDoc()))
  await user.mirrored()
  await first.close()
  const before = await user.rows('workout_sessions')
  await program.sql('update divan.checkpoints set cursor = null')
  await program.sql('insert into divan.dirty_databases (database) values ($1) on conflict do nothing', [
    user.database,
  ])
  await program.bridge()
  await user.mirrored()
  t.strictSame(await user.rows('workout_sessions'), before)
})

t.test('the rows of a deleted database go, those of others stay', async t => {
  const program = await mirror(t)
  await program.bridge()
  const [gone, kept] = [await program.user(), await program.user()]
  const samples = { _id: 'metrics:1:1', sessionId: '1', samples: [{ timestamp: 1 }] }
  for (const user of [gone, kept]) await user.write(sessionDoc(), { _id: 'unknown:1' }, samples)
  await Promise.all([gone.mirrored(), kept.mirrored()])
  await program.request('DELETE', gone.database)
  await eventually(async () => (await gone.rows('workout_sessions')).length === 0, 'the rows go')
  t.equal((await kept.rows('workout_sessions')).length, 1)
  t.equal((await gone.rows('metric_samples')).length, 1, 'his other database is still there')
  t.strictSame(
    (await listDeadLetters(program.databaseUrl)).map(({ database }) => database),
    [kept.database],
  )
  const known = await program.sql('select 1 from divan.checkpoints where database = $1', [gone.database])
  t.strictSame(known, [])
})

t.test('of a database that was deleted and made again only the new documents have rows', async t => {
  const program = await mirror(t)
  const first = await program.bridge()
  const user = await program.user()
  const [old, both, fresh] = [sessionDoc(), sessionDoc(), sessionDoc()]
  await user.write(old, both, { _id: 'unknown:1' })
  await user.mirrored()

  // While no bridge looks: it only sees what is there afterwards.
  await first.close()
  await program.request('DELETE', user.database)
  await program.request('PUT', user.database)
  await user.write(both, fresh)
  await program.bridge()
  await eventually(async () => {
    const rows = await user.rows('workout_sessions')
    return rows.every(row => row.doc_id !== old._id) && rows.length === 2
  }, 'the old row is gone')
  await user.mirrored()
  t.strictSame(await listDeadLetters(program.databaseUrl), [])

  // And while one looks.
  await program.request('DELETE', user.database)
  await program.request('PUT', user.database)
  await user.write(old)
  await eventually(async () => {
    const rows = await user.rows('workout_sessions')
    return rows.length === 1 && rows[0]?.doc_id === old._id
  }, 'the mirror follows')
})

t.test('another server than before: everything is compared anew', async t => {
  const program = await mirror(t)
  const first = await program.bridge()
  const user = await program.user()
  await user.write(sessionDoc())
  await user.mirrored()
  await first.close()

  const other = await mirror(t, program.databaseUrl)
  await other.request('PUT', user.database)
  const doc = sessionDoc()
  await bulkDocs(other.request, user.database, [doc])
  await other.bridge()
  await eventually(async () => {
    const rows = await user.rows('workout_sessions')
    return rows.length === 1 && rows[0]?.doc_id === doc._id
  }, 'the rows are those of the other server')
})
