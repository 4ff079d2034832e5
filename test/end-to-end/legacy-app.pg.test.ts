import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { startBridge } from '../../bridge/bridge.ts'
import type { Entity } from '../../design-docs/entity.ts'
import { syncedEntities } from '../../server/sync/message-push.ts'
import { eventually } from '../fixtures/eventually.ts'
import { expectedValues, shownValues } from '../fixtures/expected-row.ts'
import { type Call, type LegacyApp, legacyApp } from '../fixtures/legacy-app.ts'
import { listOf, sameRow } from '../fixtures/legacy-tables.ts'
import { type Phone, phone } from '../fixtures/phone.ts'
import { query } from '../fixtures/query.ts'
import { runningServer } from '../fixtures/running-server.ts'
import type { SyncRow } from '../fixtures/sync-device.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'
import { sessionDoc } from '../fixtures/workout.ts'

const DAY_MS = 86_400_000
const EMAIL = 'ann@example.org'
const CALLS: readonly Call[] = ['status', 'push', 'pull', 'metrics']

const lift = (exerciseId: string, weight: number): SyncRow => ({
  exerciseId,
  exerciseName: exerciseId,
  workoutMode: 'Echo',
  weight,
  reps: 3,
  oneRepMax: weight + 10,
  achievedAt: 7,
})
const session = (more: SyncRow): SyncRow => ({
  timestamp: 7,
  mode: 'Echo',
  targetReps: 8,
  weightPerCableKg: 20.5,
  ...more,
})

/** Two phones with the app of different versions, the second one's clock a month ahead, and one that replicates. */
async function user(t: Test) {
  const databaseUrl = await throwawayDatabase(t)
  const server = await runningServer(t)
  const bridge = await startBridge({ serverUrl: server.adminUrl, databaseUrl, logLevel: 'silent' })
  t.teardown(() => bridge.close())
  const a = await legacyApp(t, server.url, { deviceId: 'phone-a', email: EMAIL })
  const fast = { deviceId: 'phone-b', version: 'old', clockSkew: 30 * DAY_MS } as const
  const b = await legacyApp(t, server.url, { email: EMAIL, ...fast })
  await a.signUp()
  await b.logIn()
  const pouch = await phone(t, server.url, a.token())
  const judge = async () => {
    const app = { deviceId: 'judge', lastSync: 0 }
    const response = await fetch(`${server.url}/api/sync/pull`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${a.token()}` },
      body: JSON.stringify(app),
    })
    return (await response.json()) as Record<string, unknown>
  }
  return { a, b, pouch, judge, databaseUrl, server }
}

type User = Awaited<ReturnType<typeof user>>

/** Until nobody has anything to say: a row that a fast clock dated comes back with another date. */
async function settle({ a, b, pouch }: User): Promise<void> {
  for (let round = 0; round < 6; round++) {
    await pouch.local.sync(pouch.remote)
    const moved = [await a.cycle(), await b.cycle()]
    if (round > 0 && moved.every(({ sent, got }) => sent + got === 0)) return
  }
  throw new Error('the phones never come to rest')
}

/** Each row of the store is on the phone as far as its app knows it, and nothing else is there. */
function agrees(t: Test, app: LegacyApp, truth: Record<string, unknown>): void {
  for (const { name } of syncedEntities) {
    const rows = app.rows(name)
    for (const shown of listOf(truth[name])) {
      const own = sameRow(name, rows, shown)
      const members = own?.members ?? {}
      const same = Object.fromEntries(Object.keys(members).map(member => [member, shown[member]]))
      t.ok(own, `${app.deviceId} has ${name} ${shown.clientId}`)
      t.strictSame(members, same, `${app.deviceId} shows ${name} ${shown.clientId} as it is stored`)
    }
    t.equal(rows.length, listOf(truth[name]).length, `${app.deviceId} has no other ${name}`)
  }
}

async function pouchAgrees(t: Test, { local }: Phone, truth: Record<string, unknown>): Promise<void> {
  for (const { entity, name } of syncedEntities)
    for (const shown of listOf(truth[name])) {
      const id = entity.identity === 'singleton' ? entity.type : `${entity.type}:${shown.clientId}`
      const doc = await local.get(id).catch(() => undefined)
      if (shown.deletedAt !== null && shown.deletedAt !== undefined)
        t.equal(doc, undefined, `${id} is deleted`)
      else
        for (const [member, value] of Object.entries(shown))
          if (doc !== undefined && member in doc && member !== 'clientId')
            t.strictSame(doc[member], value, `${id} ${member}`)
      if (typeof shown.deletedAt !== 'number') t.ok(doc, id)
    }
}

async function tablesAgree(t: Test, databaseUrl: string, truth: Record<string, unknown>): Promise<void> {
  for (const { entity, name } of syncedEntities) {
    const isOne = entity.identity === 'singleton'
    const shown = listOf(truth[name]).map(row => [isOne ? '' : row.serverId, told(entity, row)] as const)
    const expected = new Map(shown)
    const rows = await eventually(async () => {
      const rows = await query(databaseUrl, `select * from ${entity.table}`)
      const found = new Map(rows.map(row => [isOne ? '' : row.id, told(entity, shownValues(entity, row))]))
      return isDeepStrictEqual(found, expected) && found
    }, `the rows of ${entity.table}`)
    t.equal(rows.size, expected.size, `${entity.table} agrees`)
  }
}

/** What a row of a message and one of a table both say. */
function told(entity: Entity, row: SyncRow): SyncRow {
  const { clientId: _clientId, deviceId: _deviceId, ...values } = expectedValues(entity.fields, row)
  return values
}

t.test(
  'phones of the existing app, one a month ahead and one that replicates, agree in the end whatever is lost',
  async t => {
    const all = await user(t)
    const { a, b, pouch, judge, databaseUrl, server } = all

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
    await settle(all)

    const headers = { Authorization: `Bearer ${a.token()}` }
    const devices = await (await fetch(`${server.url}/api/sync/devices`, { headers })).json()
    const skewOf = (id: string) => devices.devices.find((d: SyncRow) => d.deviceId === id).clockSkew / DAY_MS
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
    await settle(all)
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
    await settle(all)

    const truth = await judge()
    t.equal(listOf(truth.records).length, 2, 'two records, both the first of their phones')
    t.match(
      listOf(truth.records).find(row => row.exerciseId === 'squat'),
      { weight: 130 },
    )
    t.type(listOf(truth.routines)[0]?.deletedAt, 'number')
    agrees(t, a, truth)
    agrees(t, b, truth)
    await pouchAgrees(t, pouch, truth)
    await tablesAgree(t, databaseUrl, truth)
    const samples = await fetch(`${server.url}/api/sessions/${full.clientId}/metrics`, { headers })
    t.match(await samples.json(), { samples: { length: 3 } }, 'each sample once')
    await eventually(
      async () => (await query(databaseUrl, 'select id from metric_samples')).length === 3,
      'as rows, too',
    )
  },
)
