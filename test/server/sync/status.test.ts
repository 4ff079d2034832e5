import t, { type Test } from 'tap'
import { httpClient } from '../../fixtures/http-client.ts'
import { phone } from '../../fixtures/phone.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { runningServer } from '../../fixtures/running-server.ts'
import { type SeededRandom, seededRandom } from '../../fixtures/seeded-random.ts'
import {
  recordRow,
  rowUuid,
  type SyncDevice,
  type SyncRow,
  sessionRow,
  syncUser,
} from '../../fixtures/sync-device.ts'

const server = await runningServer(t)
const newUser = () => syncUser(server)

/** A phone's own rows, by their row ids: what it sent, overwritten by what it was told. */
class Phone {
  readonly device: SyncDevice
  readonly rows = new Map<string, SyncRow>()
  lastSync = 0
  hasLost = false

  constructor(device: SyncDevice) {
    this.device = device
  }

  async push(lists: Record<string, readonly SyncRow[]>): Promise<void> {
    const { idMappings } = await this.device.push(this.lastSync, lists)
    for (const [list, sent] of Object.entries(lists))
      for (const row of sent) {
        const serverId = idMappings[list][String(row.clientId)]
        this.rows.set(serverId, { ...this.rows.get(serverId), deletedAt: null, ...row })
      }
  }

  /** How many rows came. What is lost is asked for again. */
  async pull(isLost: boolean, limit?: number): Promise<number> {
    const answer = await this.device.pull(this.lastSync, limit === undefined ? {} : { limit })
    const pulled: SyncRow[] = [...answer.sessions, ...answer.records]
    this.hasLost = isLost
    if (isLost) return pulled.length
    for (const row of pulled) this.rows.set(String(row.serverId), row)
    this.lastSync = answer.syncTime
    return pulled.length
  }

  /** What of the rows must be the same on all phones. Not all need hear of what was deleted before the server knew it. */
  shown() {
    const living = [...this.rows].filter(([, { deletedAt }]) => deletedAt === null)
    return Object.fromEntries(living.map(([id, { mode, reps }]) => [id, mode ?? reps] as const).sort())
  }
}

const T0 = 1_700_000_000_000
let edits = 0

function randomRows(random: SeededRandom): Record<string, readonly SyncRow[]> {
  const updatedAt = () => T0 + random.below(50)
  // No app writes the same version again once it was told of another; times may well be the same.
  const marks = () => ({ edit: ++edits, ...(random.chance(0.15) ? { deletedAt: T0 + 60 } : {}) })
  const sessions = Array.from({ length: random.below(3) }, () => {
    const said = { mode: random.pick(['Pump', 'Echo', 'TUT']), updatedAt: updatedAt(), ...marks() }
    return sessionRow(random.below(8), said)
  })
  const records = random.chance(0.3)
    ? [recordRow(String(random.below(3)), { reps: random.below(9), updatedAt: updatedAt(), ...marks() })]
    : []
  return { sessions, records }
}

/** A write of a client that replicates: an edit, a conflict, a deletion. */
async function writeNatively(me: ReturnType<typeof httpClient>, random: SeededRandom): Promise<void> {
  const id = `session:${rowUuid(random.below(8))}`
  const { json, status } = await me.get(`/${id}`)
  const n = Number(id.slice(-1))
  const body = { ...sessionRow(n, { mode: `Native ${random.below(99)}` }), updatedAt: T0 + random.below(70) }
  if (random.chance(0.3)) {
    const _rev = `${1 + random.below(3)}-${random.below(5)}`
    await me.post('/_bulk_docs', { new_edits: false, docs: [{ _id: id, _rev, ...body }] })
  } else if (status === 200 && random.chance(0.4)) await me.delete(`/${id}?rev=${json._rev}`)
  else await me.put(`/${id}`, status === 200 ? { ...body, _rev: json._rev } : body)
}

async function randomHistory(t: Test): Promise<void> {
  const random = seededRandom(t)
  const { device, me } = newUser()
  const phones = ['a', 'b', 'c'].map(id => new Phone(device(id)))
  for (let step = 0; step < rounds(120, 3000); step++) {
    const phone = random.pick(phones)
    const kind = random.next()
    if (kind < 0.4) await phone.push(randomRows(random))
    else if (kind < 0.6) await writeNatively(me, random)
    else if (kind < 0.7) await phone.pull(random.chance(0.3), 1 + random.below(4))
    else await checkStatus(t, phone, { step, isLost: random.chance(0.2) })
  }
  for (const phone of phones) await phone.pull(false)
  const fresh = new Phone(device('fresh'))
  const { pendingChanges } = await fresh.device.status()
  t.equal(await fresh.pull(false), pendingChanges)
  for (const phone of phones) t.strictSame(phone.shown(), fresh.shown(), phone.device.deviceId)
}

/** A device whose last answer was lost asks with an older time than it was told last, which is the one that a status is about. */
async function checkStatus(t: Test, phone: Phone, { step, isLost }: { step: number; isLost: boolean }) {
  const { pendingChanges } = await phone.device.status()
  const knowsLast = !phone.hasLost
  const came = await phone.pull(isLost)
  if (knowsLast && pendingChanges !== came) t.equal(pendingChanges, came, `step ${step}`)
  const { pendingChanges: after } = await phone.device.status()
  if (after !== 0) t.equal(after, 0, `step ${step}: nothing is left after a pull`)
}

t.test('status is what a pull brings, and all phones agree in the end, whatever happened', randomHistory)

t.test('who does not say which device it is gets the status of the one that pulled last', async t => {
  const { api, device } = newUser()
  const fresh = await api.get('/api/sync/status')
  t.match(fresh.json, {
    lastSync: null,
    pendingChanges: 0,
    subscriptionStatus: 'free',
    subscriptionExpiresAt: null,
  })
  await device('a').push(0, { sessions: [sessionRow(1)] })
  t.equal((await api.get('/api/sync/status')).json.pendingChanges, 1)
  const { syncTime } = await device('b').pull(0)
  t.match((await api.get('/api/sync/status')).json, { lastSync: syncTime, pendingChanges: 0 })
  await device('a').push(0, { sessions: [sessionRow(2)] })
  t.match((await api.get('/api/sync/status')).json, { lastSync: syncTime, pendingChanges: 1 })
})

t.test('the list of devices says what each pushed and pulled, those that replicate too', async t => {
  const { api, device, me, sub } = newUser()
  const ahead = Date.now() + 3_600_000
  await device('a').push(0, { sessions: [sessionRow(1, { updatedAt: ahead })], deviceName: 'A phone' })
  const { syncTime } = await device('b').pull(0)
  const deviceRev = (await me.get('/device:a')).json._rev
  await device('a').push(0, { sessions: [sessionRow(1)], deviceName: 'A phone' })
  t.equal((await me.get('/device:a')).json._rev, deviceRev, 'not written again so soon')
  const { local, remote } = await phone(t, server.url, server.token(sub))
  await local.sync(remote)
  const { json } = await api.get('/api/sync/devices')
  t.match(json.devices, [
    { deviceId: 'a', deviceName: 'A phone', platform: 'android', pushed: { rows: 1 }, pulled: null },
    { deviceId: 'b', platform: 'unknown', pushed: null, pulled: { at: syncTime } },
  ])
  t.ok(Math.abs(json.devices[0].clockSkew - 3_600_000) < 60_000)
  t.ok(Math.abs((await device('a').status()).clockSkew - 3_600_000) < 60_000)
  const directions = json.replications.map(({ direction }: { direction: string }) => direction)
  t.strictSame(directions.sort(), ['pull', 'push'])
  await device('a').push(0, { deviceName: 'Renamed' })
  t.equal((await me.get('/device:a')).json.deviceName, 'Renamed')
})

t.test('the list of devices holds up nobody, however much a user has written', async t => {
  const { api, me } = newUser()
  const x = 'y'.repeat(2_000_000)
  for (let n = 0; n < 12; n++) await me.put(`/_local/large-${n}`, { session_id: 's', last_seq: n, x })
  const devices = Array.from({ length: 40 }, (_, n) => ({
    _id: `device:d${n}`,
    type: 'device',
    x: 'y'.repeat(60_000),
  }))
  await me.post('/_bulk_docs', { docs: devices })
  let turns = 0
  const counted = setInterval(() => ++turns, 0)
  const { json } = await api.get('/api/sync/devices')
  clearInterval(counted)
  t.strictSame(
    [json.devices.length, json.replications.length],
    [40, 12],
    'all of them, though pages are short',
  )
  t.ok(turns > 5, `${turns}`)
})

t.test('where premium is required, the account decides', async t => {
  await server.restart({ requirePremium: true })
  const form = { email: 'ann@example.org', password: 'as long as it must be' }
  const { json } = await httpClient(server.url, '').post('/api/auth/signup', form)
  const api = httpClient(server.url, `Bearer ${json.token}`)
  const admin = httpClient(server.url, server.basic)
  const calls = async (client = api) => {
    const body = { deviceId: 'a', platform: 'ios', lastSync: 0 }
    const replies = [
      await client.get('/api/sync/status'),
      await client.get('/api/sync/devices'),
      await client.post('/api/sync/push', body),
      await client.post('/api/sync/pull', body),
    ]
    return replies.map(({ status }) => status)
  }
  const account = async (members: object) => {
    const doc = (await admin.get('/_users/org.couchdb.user:ann@example.org')).json
    await admin.put('/_users/org.couchdb.user:ann@example.org', { ...doc, ...members })
  }
  t.strictSame(await calls(), [403, 403, 403, 403])
  t.match((await api.get('/api/sync/status')).json, { error: /remium/ })
  const subscriptionExpiresAt = Date.now() + 3_600_000
  await account({ isPremium: true, subscriptionStatus: 'active', subscriptionExpiresAt })
  t.strictSame(await calls(), [200, 200, 200, 200])
  t.match((await api.get('/api/sync/status')).json, {
    subscriptionStatus: 'active',
    subscriptionExpiresAt: new Date(subscriptionExpiresAt).toISOString(),
  })
  await account({ subscriptionExpiresAt: 7 })
  t.strictSame(await calls(), [403, 403, 403, 403], 'a subscription that has ended')
  const { api: stranger } = newUser()
  t.strictSame(await calls(stranger), [403, 403, 403, 403], 'a token without an account')
})
