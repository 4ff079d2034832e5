import t from 'tap'
import { runningServer } from '../../fixtures/running-server.ts'
import {
  clientIds as ids,
  type SyncRow as Row,
  recordRow as record,
  sessionRow as session,
  syncUser,
  rowUuid as uuid,
} from '../../fixtures/sync-device.ts'

const server = await runningServer(t)
const newUser = () => syncUser(server)

t.test('a device is told what others pushed, once, and never what it pushed itself', async t => {
  const { device } = newUser()
  const [a, b] = [device('a'), device('b')]
  await a.push(0, { sessions: [session(1), session(2)], records: [record('1', { sessionId: uuid(1) })] })
  const own = await a.pull(0)
  t.strictSame([own.sessions, own.records], [[], []], 'before its first pull')
  const first = await b.pull(0)
  t.strictSame(ids(first.sessions), [uuid(1), uuid(2)])
  const again = await b.pull(first.syncTime)
  t.strictSame(again.sessions, [])
  t.ok(again.syncTime > first.syncTime)
  await b.push(again.syncTime, { sessions: [session(3)] })
  t.strictSame((await b.pull(again.syncTime)).sessions, [])
  t.strictSame(ids((await a.pull(own.syncTime)).sessions), [uuid(3)])
})

t.test(
  'a pull has every list, with all fields of the message and defaults for what was never said',
  async t => {
    const { device } = newUser()
    const [a, b] = [device('a'), device('b')]
    const pushed = await a.push(0, {
      sessions: [session(1)],
      gamificationStats: { clientId: '1', updatedAt: 7 },
    })
    const pulled = await b.pull(0)
    t.strictSame(Object.keys(pulled), [
      'syncTime',
      'sessions',
      'routines',
      'exercises',
      'badges',
      'gamificationStats',
      'records',
      'phaseStats',
      'supersets',
      'routineExercises',
    ])
    const [row] = pulled.sessions
    t.match(row, {
      eccentricLoad: 100,
      rpe: null,
      deletedAt: null,
      serverId: pushed.idMappings.sessions[uuid(1)],
    })
    t.notOk('deviceId' in row || 'type' in row)
    t.equal(Object.keys(row).length, 42)
    t.match(pulled.gamificationStats, {
      clientId: '1',
      totalWorkouts: 0,
      lastWorkoutDate: null,
      updatedAt: 7,
    })
    t.equal((await device('c').pull(pulled.syncTime)).gamificationStats.clientId, '1')
    t.equal((await b.pull(pulled.syncTime)).gamificationStats, null)
  },
)

t.test('ids that count the rows of a device are bare to it and scoped to others, references too', async t => {
  const { device } = newUser()
  const [a, b] = [device('a'), device('b')]
  await a.push(0, { sessions: [session(1, { clientId: '7' })], records: [record('1', { sessionId: '7' })] })
  await b.push(0, { records: [record('1')] })
  const forB = await b.pull(0)
  t.strictSame([ids(forB.sessions), ids(forB.records)], [['a:7'], ['a:1']])
  t.equal(forB.records[0].sessionId, 'a:7')
  const forA = await a.pull(42)
  t.strictSame([ids(forA.sessions), ids(forA.records)], [['7'], ['1', 'b:1']])
  t.equal(forA.records.find((row: Row) => row.clientId === '1').sessionId, '7')
})

t.test('a merge with what another device stored comes to both', async t => {
  const { device } = newUser()
  const [a, b] = [device('a'), device('b')]
  await a.push(0, { sessions: [session(1, { rpe: 9 })] })
  const { syncTime } = await b.pull(0)
  await b.push(syncTime, { sessions: [session(1, { mode: 'Pump', updatedAt: 1_700_000_000_900 })] })
  const [merged] = (await b.pull(syncTime)).sessions
  t.match(merged, { mode: 'Pump', rpe: 9 })
  const [forA] = (await a.pull(0)).sessions
  t.match(forA, { mode: 'Pump', rpe: 9 })
})

t.test('an older version loses, and the device that sent it is told the shown one', async t => {
  const { device } = newUser()
  const [a, b] = [device('a'), device('b')]
  await a.push(0, { sessions: [session(1, { updatedAt: 1_700_000_000_500 })] })
  await a.pull(0)
  const ofB = await b.pull(0)
  await b.push(ofB.syncTime, { sessions: [session(1, { mode: 'Pump', updatedAt: 1_700_000_000_400 })] })
  t.match((await b.pull(ofB.syncTime)).sessions, [{ mode: 'Echo' }])
})

t.test('a version that is shown again, because the better one was deleted, is a change', async t => {
  const { device, me } = newUser()
  const [a, b] = [device('a'), device('b')]
  await a.push(0, { sessions: [session(1)] })
  await b.pull(0)
  const rival = { _id: `session:${uuid(1)}`, ...session(1, { mode: 'Native', updatedAt: 1_700_000_009_000 }) }
  const write = (doc: object) => me.post('/_bulk_docs', { new_edits: false, docs: [{ ...rival, ...doc }] })
  await write({ _rev: '1-ffff' })
  const [ofA, ofB] = [await a.pull(0), await b.pull(0)]
  t.match([ofA.sessions, ofB.sessions], [[{ mode: 'Native' }], [{ mode: 'Native' }]])
  await write({ _rev: '2-ffff', _deleted: true, _revisions: { start: 2, ids: ['ffff', 'ffff'] } })
  t.match((await a.pull(ofA.syncTime)).sessions, [{ mode: 'Echo', deletedAt: null }])
  t.match((await b.pull(ofB.syncTime)).sessions, [{ mode: 'Echo' }])
})

t.test('what a client that replicates deletes arrives as a full object with a mark', async t => {
  const { device, me } = newUser()
  const [a, b] = [device('a'), device('b')]
  await a.push(0, { sessions: [session(1)], gamificationStats: { clientId: '1', updatedAt: 7 } })
  const { syncTime } = await b.pull(0)
  const before = Date.now()
  for (const id of [`session:${uuid(1)}`, 'gamificationStats']) {
    const { json } = await me.get(`/${id}`)
    await me.delete(`/${id}?rev=${json._rev}`)
  }
  const pulled = await b.pull(syncTime)
  const [row] = pulled.sessions
  t.match(row, { clientId: uuid(1), targetReps: 8, mode: 'Echo' })
  t.ok(row.deletedAt >= before && row.updatedAt >= before)
  t.equal(pulled.gamificationStats, null)
  await me.put(`/session:${uuid(2)}`, session(2))
  const { json } = await me.get(`/session:${uuid(2)}`)
  await me.delete(`/session:${uuid(2)}?rev=${json._rev}`)
  t.strictSame(ids((await b.pull(0)).sessions), [uuid(1), uuid(2)])
  await me.post('/_bulk_docs', {
    new_edits: false,
    docs: [{ _id: `session:${uuid(3)}`, _rev: '1-a', _deleted: true, ...session(3) }],
  })
  t.strictSame(
    ids((await b.pull(0)).sessions),
    [uuid(1), uuid(2)],
    'what never lived here is nothing to delete',
  )
})

t.test(
  'what was made and deleted before anybody heard of it comes only to whom it says another time',
  async t => {
    const { device } = newUser()
    const [a, b] = [device('a'), device('b')]
    const ahead = Date.now() + 86_400_000
    const { syncTime } = await a.pull(0)
    await a.push(syncTime, { sessions: [session(1, { deletedAt: 8, updatedAt: 8 })] })
    const row = session(2, { deletedAt: ahead, updatedAt: ahead })
    await a.push(syncTime, { sessions: [row] })
    const pulled = await a.pull(syncTime)
    t.strictSame(ids(pulled.sessions), [uuid(2)])
    t.ok(pulled.sessions[0].updatedAt <= Date.now(), 'or its fast clock would send it again and again')
    t.strictSame((await a.pull(pulled.syncTime)).sessions, [])
    t.strictSame((await b.pull(0)).sessions, [])
  },
)

t.test('documents that do not fit their description, or are of no synced type, are in no pull', async t => {
  const { device, me } = newUser()
  await me.put(`/session:${uuid(1)}`, { ...session(1), targetReps: 'eight' })
  await me.put('/note:1', { text: 'of a newer app' })
  await me.put(`/session:${uuid(2)}`, session(2))
  const pulled = await device('a').pull(0)
  t.strictSame(ids(pulled.sessions), [uuid(2)])
  t.equal((await device('b').status()).pendingChanges, 1)
})

t.test('a lost answer is asked for again; a time never told is answered from the start', async t => {
  const { device } = newUser()
  const [a, b] = [device('a'), device('b')]
  await a.push(0, { sessions: [session(1)] })
  const { syncTime } = await b.pull(0)
  await a.push(0, { sessions: [session(2)] })
  for (let lost = 0; lost < 12; lost++) t.strictSame(ids((await b.pull(syncTime)).sessions), [uuid(2)])
  for (const lastSync of [0, -5, syncTime - 1, syncTime + 1_000_000_000, 2 ** 53 - 1])
    t.strictSame(ids((await b.pull(lastSync)).sessions), [uuid(1), uuid(2)])
  t.strictSame(ids((await device('c').pull(syncTime)).sessions), [uuid(1), uuid(2)], 'told to another device')
})

t.test('a phone that was installed anew gets all that it pushed in its former life', async t => {
  const { device } = newUser()
  const a = device('a')
  await a.push(0, { sessions: [session(1)] })
  const { syncTime } = await a.pull(0)
  await a.push(syncTime, { sessions: [session(2)] })
  t.strictSame(ids((await a.pull(0)).sessions), [uuid(1), uuid(2)])
  await a.push(0, { sessions: [session(3)] })
  t.strictSame(ids((await a.pull(0)).sessions), [uuid(1), uuid(2)])
  const [page] = [await a.pull(0, { limit: 1 })]
  const rest = await a.pull(page.syncTime)
  t.strictSame(ids([...page.sessions, ...rest.sessions]).slice(0, 2), [uuid(1), uuid(2)], 'in pages, too')
})

t.test('pages end at told places, and together bring all of it', async t => {
  const { device } = newUser()
  const [a, b] = [device('a'), device('b')]
  const sessions = Array.from({ length: 10 }, (_, n) => session(n))
  await a.push(0, { sessions, records: [record('1'), record('2')] })
  const seen: string[] = []
  let [lastSync, pages, more] = [0, 0, true]
  for (; more; pages++) {
    const page = await b.pull(lastSync, { limit: 5 })
    if (pages === 0)
      t.strictSame((await b.pull(lastSync, { limit: 5 })).sessions, page.sessions, 'a lost page')
    t.ok(page.sessions.length + page.records.length <= 5)
    seen.push(...ids([...page.sessions, ...page.records]))
    ;({ more, syncTime: lastSync } = page)
  }
  t.equal(pages, 3)
  t.strictSame(seen.sort(), [...ids(sessions), 'a:1', 'a:2'].sort())
  t.strictSame((await b.pull(lastSync)).sessions, [])
})

t.test('times go on while the clock goes right; told far ahead of it they follow it back', async t => {
  const { device, me } = newUser()
  const a = device('a')
  const first = await a.pull(0)
  const tellAhead = async (ms: number) => {
    const { json } = await me.get('/_local/pull')
    await me.put('/_local/pull', { ...json, syncTime: Date.now() + ms })
    return Date.now() + ms
  }
  const ahead = await tellAhead(60_000)
  const second = await a.pull(first.syncTime)
  t.ok(second.syncTime > ahead - 1000, 'not back')
  await tellAhead(2 * 3_600_000)
  const third = await a.pull(second.syncTime)
  t.ok(Math.abs(third.syncTime - Date.now()) < 5000)
  const all = await Promise.all(['b', 'c', 'd', 'e'].map(id => device(id).pull(0)))
  t.equal(new Set(all.map(({ syncTime }) => syncTime)).size, 4, 'no time is told twice')
})

t.test('a request that is none is a 400 that names the member', async t => {
  const { api } = newUser()
  const asked = async (body: unknown) => {
    const { status, json } = await api.post('/api/sync/pull', body)
    return [status, json.error]
  }
  t.match(await asked({ deviceId: 'a b', lastSync: 0 }), [400, /^deviceId: /])
  t.match(await asked({ deviceId: 'a' }), [400, /^lastSync: /])
  t.match(await asked({ deviceId: 'a', lastSync: 0, limit: 0 }), [400, /^limit: /])
  t.match(await asked([]), [400, /object/])
  t.match((await api.get('/api/sync/status?deviceId=a%20b')).json, { error: /deviceId/ })
})
