import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startBridge } from '../../bridge/bridge.ts'
import { backupDataFolder, restoreDataFolder } from '../../server/backup.ts'
import { collectGarbage } from '../fixtures/collect-garbage.ts'
import { eventually } from '../fixtures/eventually.ts'
import { httpClient } from '../fixtures/http-client.ts'
import { killablePostgres } from '../fixtures/killable-postgres.ts'
import { CALLS, FAULTS, idOf, lift, live, session } from '../fixtures/legacy-acts.ts'
import {
  appAgrees,
  pouchAgrees,
  sampleTimes,
  settle,
  tablesAgree,
  truthOf,
} from '../fixtures/legacy-agreement.ts'
import { type LegacyApp, legacyApp } from '../fixtures/legacy-app.ts'
import { listOf } from '../fixtures/legacy-tables.ts'
import { phone } from '../fixtures/phone.ts'
import { query } from '../fixtures/query.ts'
import { rounds } from '../fixtures/rounds.ts'
import { runningServer } from '../fixtures/running-server.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import type { SyncRow } from '../fixtures/sync-device.ts'
import { sessionDoc } from '../fixtures/workout.ts'

/** What the app that exists lives through, with one server and one Postgres for all of it; each test has a user of its own. */

const DAY_MS = 86_400_000

const postgres = await killablePostgres(t)
const server = await runningServer(t)
const bridge = await startBridge({
  serverUrl: server.adminUrl,
  databaseUrl: postgres.url,
  logLevel: 'silent',
})
t.teardown(() => bridge.close())

let users = 0
type About = Pick<Parameters<typeof legacyApp>[2], 'version' | 'clockSkew'>

/** A user with two phones. */
async function twoPhones(t: Test, aboutB: About = {}) {
  const email = `user${++users}@example.org`
  const a = await legacyApp(t, server.url, { deviceId: 'phone-a', email })
  const b = await legacyApp(t, server.url, { deviceId: 'phone-b', email, ...aboutB })
  await a.signUp()
  await b.logIn()
  const { id: userId } = await a.call('GET', 'auth/me', undefined)
  const me = httpClient(`${server.url}/me`, `Bearer ${a.token()}`)
  const allAgree = async (t: Test) => {
    const truth = await truthOf(server.url, a.token())
    appAgrees(t, a, truth)
    appAgrees(t, b, truth)
    await tablesAgree(t, { databaseUrl: postgres.url, userId }, truth)
    return truth
  }
  return { a, b, email, userId, me, allAgree, samples: () => sampleTimes(postgres.url, userId) }
}

t.test(
  'phones of the existing app, one a month ahead and one that replicates, agree in the end whatever is lost',
  async t => {
    const { a, b, allAgree, samples } = await twoPhones(t, { version: 'old', clockSkew: 30 * DAY_MS })
    const pouch = await phone(t, server.url, a.token())
    const settleAll = () => settle([a, b], async () => void (await pouch.local.sync(pouch.remote)))

    const full = a.save(
      'sessions',
      session({
        exerciseName: 'Row',
        warmupReps: 4,
        peakForceConcentricA: 300.5,
        progressionKg: 1.5,
        rpe: 8,
      }),
    )
    a.save('records', { ...lift('bench', 80), sessionId: full.clientId })
    b.save('records', lift('squat', 120))
    a.save('badges', { badgeId: 'first', earnedAt: 7 })
    b.save('badges', { badgeId: 'hundred', earnedAt: 8 })
    const routine = b.save('routines', { name: 'Push day' })
    b.save('supersets', { routineId: routine.clientId, name: 'One', orderIndex: 0 })
    a.save('gamificationStats', { totalWorkouts: 1 })
    a.record(
      full.clientId,
      [
        { timestamp: 1, load: 5 },
        { timestamp: 2, load: 6 },
      ],
      [
        { timestamp: 2, load: 6 },
        { timestamp: 3, load: 7 },
      ],
    )
    const native = sessionDoc({ exerciseName: 'Native', deviceId: 'pouch' })
    await pouch.local.put(native)
    t.equal(a.rows('records')[0]?.clientId, b.rows('records')[0]?.clientId, 'both count from 1')

    for (const loses of CALLS) await t.rejects(a.cycle({ loses }), /lost/, `the answer of ${loses} is lost`)
    await t.rejects(b.cycle({ loses: 'push' }), /lost/)
    await t.rejects(b.cycle({ killedAt: 'push' }), /killed/)
    await settleAll()

    const { devices } = await a.call('GET', 'sync/devices', undefined)
    const skewOf = (id: string) => devices.find((d: SyncRow) => d.deviceId === id).clockSkew / DAY_MS
    t.match(
      [skewOf('phone-a'), skewOf('phone-b')].map(Math.round),
      [0, 30],
      'the list of devices tells the clock',
    )

    const seen = b.rows('sessions').find(({ clientId }) => clientId === full.clientId)
    t.ok(seen, 'the old app has the session')
    t.notOk(seen && 'rpe' in seen.members, 'without what it does not know')
    b.save('sessions', { targetReps: 12 }, seen?.id)
    b.save('records', { weight: 125 }, b.rows('records')[0]?.id)
    await settleAll()
    const members = a.rows('sessions').find(({ id }) => id === full.id)?.members
    t.match(
      members,
      { targetReps: 12, warmupReps: 4, peakForceConcentricA: 300.5, progressionKg: 1.5, rpe: 8 },
      'no field was wiped',
    )

    const squat = a.rows('records').find(row => row.members.exerciseId === 'squat')
    a.save('records', { weight: 130 }, squat?.id)
    const onPouch = await pouch.local.get(native._id)
    await pouch.local.put({ ...onPouch, targetReps: 5, updatedAt: Date.now() })
    a.delete('routines', a.rows('routines')[0]?.id ?? 0)
    await t.rejects(a.cycle({ loses: 'push' }), /lost/)
    b.save('gamificationStats', { totalWorkouts: 2 }, b.rows('gamificationStats')[0]?.id)
    await t.rejects(b.cycle({ killedAt: 'pull' }), /killed/)
    await settleAll()

    const truth = await allAgree(t)
    t.equal(listOf(truth.records).length, 2, 'two records, both the first of their phones')
    t.match(
      listOf(truth.records).find(row => row.exerciseId === 'squat'),
      { weight: 130 },
    )
    t.type(listOf(truth.routines)[0]?.deletedAt, 'number')
    await pouchAgrees(t, pouch, truth)
    const told = await b.call('GET', `sessions/${full.clientId}/metrics`, undefined)
    t.match(told, { samples: { length: 3 } }, 'each sample once')
    await eventually(async () => (await samples()).join() === '1,2,3', 'as rows, too')
  },
)

t.test(
  'each call lost on its way or on its way back, or repeated, a native client live beside it',
  async t => {
    const { a, b, me, userId, allAgree, samples } = await twoPhones(t)
    const pouch = await phone(t, server.url, a.token())
    const live = pouch.local.sync(pouch.remote, { live: true, retry: true, back_off_function: () => 100 })
    t.teardown(() => live.cancel())
    live.on('denied', denied => t.fail(`denied: ${JSON.stringify(denied)}`))

    const cycles = async (faults: Parameters<LegacyApp['cycle']>[0]) => {
      const [[fault = '', call = ''] = []] = Object.entries(faults ?? {})
      const isMet = fault !== 'repeats'
      await (isMet ? t.rejects(a.cycle(faults), /lost/, `${fault} ${call}`) : a.cycle(faults))
      await a.cycle()
      await b.cycle()
    }
    const uploaded: number[] = []
    const sample = (timestamp: number) => {
      uploaded.push(timestamp)
      return { timestamp, load: 5 }
    }
    const cases = CALLS.flatMap(call => FAULTS.map(fault => ({ [fault]: call })))
    for (const [n, faults] of cases.entries()) {
      const made = a.save('sessions', session({ exerciseName: `of case ${n}` }))
      a.save('records', { ...lift(`exercise ${n}`, 80), sessionId: made.clientId })
      a.save('gamificationStats', { totalWorkouts: n }, a.rows('gamificationStats')[0]?.id)
      a.record(made.clientId, [sample(n)], [sample(n + 1000)])
      await cycles(faults)
      const native: object = await eventually(
        () => pouch.local.get(`session:${made.clientId}`),
        'the native client sees it',
      )
      if (n % 3 === 0) await pouch.local.put({ ...native, routineName: 'native', updatedAt: Date.now() })
      a.save('sessions', { rpe: n }, made.id)
      if (n % 4 > 1) a.delete('records', a.rows('records')[n - 1]?.id ?? 0)
      a.record(made.clientId, [sample(n + 2000)])
      await cycles(faults)
    }
    await settle([a, b], async () => {
      const seqOf = async () => (await me.get('')).json.update_seq
      await eventually(async () => {
        const [there, sent] = [await seqOf(), await pouch.local.replicate.to(pouch.remote)]
        return sent.docs_written === 0 && there === (await seqOf())
      }, 'the native client has sent all')
    })
    const truth = await allAgree(t)
    t.equal(listOf(truth.sessions).length, cases.length, 'none is there twice')
    t.equal(listOf(truth.records).length, cases.length)
    await eventually(async () => {
      const { rows } = await pouch.local.allDocs({ startkey: 'record:', endkey: 'record;' })
      return rows.length === listOf(truth.records).filter(row => row.deletedAt === null).length
    }, 'the native client has heard of all')
    await pouchAgrees(t, pouch, truth)
    const expected = uploaded.toSorted((x, y) => x - y).join()
    await eventually(async () => (await samples()).join() === expected, 'each sample is a row once')
    t.equal((await query(postgres.url, 'select 1 from users where id = $1', [userId])).length, 1)
  },
)

t.test(
  'what a clock a month slow dates is kept, loses to what is newer, and its phone is told how slow it is',
  async t => {
    const { a, b, me, allAgree } = await twoPhones(t, { clockSkew: -30 * DAY_MS })
    const shared = a.save('sessions', session({ exerciseName: 'Row', rpe: 7 }))
    await a.cycle()
    // Set up from a copy of the other phone: it has that session, too.
    b.save('sessions', { ...shared.members, clientId: shared.clientId, mode: 'of the slow phone' })
    b.save('routines', { name: 'Of the slow phone' })
    b.save('records', lift('squat', 120))
    await b.cycle()
    const { clockSkew } = await b.status()
    t.equal(Math.round(clockSkew / DAY_MS), -30)
    await a.cycle()
    const versions = (await me.get(`/session:${shared.clientId}?open_revs=all`)).json
    const modes = versions.map(({ ok }: { ok: SyncRow }) => ok.mode).sort()
    t.strictSame(modes, ['Echo', 'of the slow phone'], 'its version is there as a revision')
    t.match(b.rows('sessions')[0]?.members, { mode: 'Echo', rpe: 7 }, 'and the phone shows the newer one')
    t.ok(idOf(a, 'routines', 'name', 'Of the slow phone'))
    t.ok(idOf(a, 'records', 'exerciseId', 'squat'))
    await settle([a, b])
    await allAgree(t)

    b.save('routines', { name: 'Changed while it was slow' }, b.rows('routines')[0]?.id)
    t.equal((await b.cycle()).sent, 0, 'the app does not send what is older than its last pull')
    b.setClock(0)
    b.save('routines', { useCount: 1 }, b.rows('routines')[0]?.id)
    await settle([a, b])
    t.ok(idOf(a, 'routines', 'name', 'Changed while it was slow'), 'once the clock is right, it does')
    await allAgree(t)
  },
)

t.test('neither an old version of the app nor one of tomorrow wipes what another one knows', async t => {
  const { a: tomorrow, b: old, me, allAgree } = await twoPhones(t, { version: 'old' })
  const full = { warmupReps: 4, progressionKg: 1.5, peakForceConcentricA: 300.5, rpe: 8, tempo: '3-1-1' }
  const made = tomorrow.save('sessions', session({ ...full, exerciseName: 'Row' }))
  const routine = tomorrow.save('routines', { name: 'Push day', colour: { hue: 7 } })
  const exercise = { routineId: routine.clientId, exerciseName: 'Row', orderIndex: 0, progressionKg: 2.5 }
  tomorrow.save('routineExercises', exercise)
  await settle([tomorrow, old])
  for (const name of ['sessions', 'routineExercises'])
    t.notOk('progressionKg' in (old.rows(name)[0]?.members ?? {}), 'the old one does not know it')
  old.save('sessions', { targetReps: 12 }, old.rows('sessions')[0]?.id)
  old.save('routines', { useCount: 3 }, old.rows('routines')[0]?.id)
  old.save('routineExercises', { setReps: '5,5' }, old.rows('routineExercises')[0]?.id)
  await settle([tomorrow, old])
  t.match(tomorrow.rows('sessions')[0]?.members, { ...full, targetReps: 12 })
  t.match(tomorrow.rows('routineExercises')[0]?.members, { ...exercise, setReps: '5,5' })
  const stored = async () => (await me.get(`/session:${made.clientId}`)).json
  t.match(await stored(), { ...full, targetReps: 12 }, 'nor is what no description knows')
  t.match((await me.get(`/routine:${routine.clientId}`)).json, { colour: { hue: 7 }, useCount: 3 })

  old.delete('sessions', old.rows('sessions')[0]?.id ?? 0)
  await old.cycle()
  tomorrow.save('sessions', { mode: 'Pump' }, made.id)
  await settle([tomorrow, old])
  t.match(await stored(), { ...full, mode: 'Pump', targetReps: 12 }, 'it comes back with all it had')
  t.match(old.rows('sessions')[0]?.members, { mode: 'Pump', deletedAt: null })
  await allAgree(t)
})

t.test(
  'the same record, badge and stats of two phones: they come to rest, and the next change shows on both',
  async t => {
    const { a, b, userId } = await twoPhones(t)
    for (const [app, weight] of [
      [a, 80],
      [b, 70],
    ] as const) {
      app.save('records', lift('another of this phone', weight))
      app.save('records', lift('bench', weight))
      app.save('badges', { badgeId: 'first', earnedAt: weight })
      app.save('gamificationStats', { totalWorkouts: weight })
    }
    await settle([a, b])
    for (const app of [a, b])
      t.strictSame(
        ['records', 'badges', 'gamificationStats'].map(name => app.rows(name).length),
        [2, 1, 1],
        'what the app takes for the same is one row of its tables',
      )
    for (const [n, app] of [a, b, a].entries()) {
      app.save('records', { weight: 100 + n }, idOf(app, 'records', 'exerciseId', 'bench'))
      app.save('badges', { celebratedAt: n }, app.rows('badges')[0]?.id)
      app.save('gamificationStats', { totalWorkouts: 100 + n }, app.rows('gamificationStats')[0]?.id)
      await settle([a, b])
      for (const { rows, deviceId } of [a, b])
        t.match(
          {
            records: rows('records').find(row => row.members.exerciseId === 'bench')?.members,
            badges: rows('badges')[0]?.members,
            gamificationStats: rows('gamificationStats')[0]?.members,
          },
          {
            records: { weight: 100 + n },
            badges: { celebratedAt: n },
            gamificationStats: { totalWorkouts: 100 + n },
          },
          `${deviceId} after change ${n}`,
        )
    }
    const rows = await query(postgres.url, 'select 1 from personal_records where user_id = $1', [userId])
    t.equal(rows.length, 4, 'each phone has made two')
  },
)

t.test(
  'three phones at the same time, one of them with a fast clock and an old app, over a bad network',
  async t => {
    const random = seededRandom(t)
    const { a, b, email, allAgree } = await twoPhones(t)
    const about = { version: 'old', clockSkew: DAY_MS / 4 } as const
    const c = await legacyApp(t, server.url, { deviceId: 'phone-c', email, ...about })
    await c.logIn()
    const routine = a.save('routines', { name: 'The first' })
    for (let round = rounds(12, 200); round > 0; round--)
      await Promise.all([a, b, c].map(app => live(random, app, routine.clientId)))
    await settle([a, b, c])
    appAgrees(t, c, await allAgree(t))
  },
)

t.test('while Postgres is down every call goes on, and the rows come when it is back', async t => {
  await postgres.stop()
  const { a, b, userId, allAgree, samples } = await twoPhones(t)
  const made = a.save('sessions', session({ exerciseName: 'Row' }))
  a.record(made.clientId, [{ timestamp: 2 }], [{ timestamp: 1, load: 5 }])
  b.save('records', lift('squat', 120))
  b.save('gamificationStats', { totalWorkouts: 1 })
  await settle([a, b])
  const { devices } = await a.call('GET', 'sync/devices', undefined)
  t.match(devices, [{ deviceId: 'phone-a' }, { deviceId: 'phone-b' }])
  const told = await b.call('GET', `sessions/${made.clientId}/metrics`, undefined)
  t.match(told.samples, [{ timestamp: 1, load: 5 }, { timestamp: 2 }])
  await postgres.start()
  await allAgree(t)
  await eventually(async () => (await samples()).join() === '1,2', 'the samples come, too')
  const rowsOf = (table: string, column: string) =>
    query(postgres.url, `select * from ${table} where ${column} = $1`, [userId])
  await eventually(async () => (await rowsOf('users', 'id')).length === 1, 'and the account')
  await eventually(async () => (await rowsOf('sync_devices', 'user_id')).length === 3, 'and the devices')
})

t.test('after a restore the app gets all that is there, and what it writes from then on arrives', async t => {
  const { a, b, allAgree } = await twoPhones(t)
  const [kept, edited, deleted] = ['kept', 'edited', 'deleted'].map(exerciseName =>
    a.save('sessions', session({ exerciseName, rpe: 5 })),
  )
  const record = b.save('records', lift('squat', 120))
  await settle([a, b])
  const backup = join(t.testdir(), 'backup.sqlite')
  await backupDataFolder(server.dataFolder, backup).done

  a.save('sessions', { rpe: 9 }, edited?.id)
  a.delete('sessions', deleted?.id ?? 0)
  const undone = a.save('sessions', session({ exerciseName: 'undone' }))
  b.save('records', { weight: 130 }, record.id)
  await settle([a, b])
  await server.restart({}, async () => {
    await collectGarbage()
    await restoreDataFolder(server.dataFolder, backup).done
  })

  a.save('sessions', { rpe: 10 }, kept?.id)
  a.save('sessions', session({ exerciseName: 'after' }))
  const told = await a.call('POST', 'sync/pull', { deviceId: 'phone-a', lastSync: a.lastSync() })
  t.match(
    [told.sessions.length, told.records.length],
    [3, 1],
    'its time is of the history that was undone: all is told, its own rows too',
  )
  await settle([a, b])
  const rpeOf = (app: LegacyApp, name: string) =>
    app.rows('sessions').find(row => row.members.exerciseName === name)?.members.rpe
  for (const app of [a, b])
    t.strictSame(
      ['kept', 'edited', 'deleted'].map(name => rpeOf(app, name)),
      [10, 5, 5],
      'what it wrote after the restore is there, and of the rest what the backup had',
    )
  t.ok(idOf(b, 'sessions', 'exerciseName', 'after'))
  t.ok(idOf(a, 'sessions', 'exerciseName', 'undone'), 'what only a phone has stays there')
  a.save('sessions', { rpe: 3 }, undone.id)
  await settle([a, b])
  t.equal(rpeOf(b, 'undone'), 3, 'and comes back with its next change')
  await allAgree(t)
})
