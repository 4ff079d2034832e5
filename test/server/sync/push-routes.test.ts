import t from 'tap'
import { httpClient } from '../../fixtures/http-client.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { runningServer } from '../../fixtures/running-server.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'

const server = await runningServer(t)
const USER = '0b5f2c1e-3d4a-4b6c-8d7e-9f0a1b2c3d4e'
const S1 = '11111111-1111-4111-8111-111111111111'
const api = httpClient(`${server.url}/api/sync`, server.bearer(USER))
const me = httpClient(`${server.url}/me`, server.bearer(USER))
const device = { deviceId: 'phone-1', platform: 'android', lastSync: 0 }
const session = {
  clientId: S1,
  timestamp: 1,
  mode: 'OldSchool',
  targetReps: 10,
  weightPerCableKg: 20,
  createdAt: 1,
  updatedAt: 1,
}

t.test('a native client sees what was pushed at once; what it changes is merged with', async t => {
  const answer = await api.post('/push', { ...device, sessions: [session] })
  t.equal(answer.status, 200)
  t.match(answer.json, { syncTime: 0, rejected: [], idMappings: { sessions: { [S1]: /^[0-9a-f-]{36}$/ } } })
  const { json: doc } = await me.get(`/session:${S1}`)
  t.match(doc, { ...session, deviceId: 'phone-1' })
  t.equal((await me.put(`/session:${S1}`, { ...doc, rpe: 9, updatedAt: 2 })).status, 201)
  await api.post('/push', { ...device, sessions: [{ clientId: S1, targetReps: 11, updatedAt: 3 }] })
  t.match((await me.get(`/session:${S1}`)).json, { rpe: 9, targetReps: 11, mode: 'OldSchool' })
})

t.test('a push that is wrong as a whole is a 400 that names the path', async t => {
  const cases: readonly [object, RegExp][] = [
    [[], /Expected a JSON object/],
    [{ ...device, deviceId: undefined }, /^deviceId: /],
    [{ ...device, deviceId: 'a:b' }, /^deviceId: /],
    [{ ...device, platform: null }, /^platform: /],
    [{ ...device, lastSync: 'x' }, /^lastSync: /],
    [{ ...device, sessions: {} }, /^sessions: /],
    [{ ...device, gamificationStats: [] }, /^gamificationStats: /],
  ]
  for (const [body, error] of cases) {
    const answer = await api.post('/push', body)
    t.equal(answer.status, 400)
    t.strictSame(Object.keys(answer.json), ['error'])
    t.match(answer.json.error, error)
  }
  t.match((await api.post('/push', '{"deviceId":')).json, { error: String })
  t.equal((await httpClient(`${server.url}/api/sync`, '').post('/push', device)).status, 401)
})

t.test('rows of any shape never give a 500, and a good one among them is stored', async t => {
  const random = seededRandom(t)
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  const texts = [
    'null',
    '"x"',
    '7',
    '[]',
    '{}',
    deep,
    '{"clientId":""}',
    '{"clientId":"\\ud800"}',
    '{"clientId":"a\\u0000"}',
  ]
  const values = [
    'null',
    '1e999',
    '-1',
    '"2024"',
    '{"a":1}',
    '[[]]',
    'true',
    '"\\udfff"',
    '""',
    '1.5',
    '"dev:1"',
    deep,
  ]
  const names = [
    'clientId',
    'serverId',
    'updatedAt',
    'deletedAt',
    'createdAt',
    'sessionId',
    'routineId',
    '__proto__',
    '_rev',
    'constructor',
    'type',
    'x',
  ]
  const lists = [
    'sessions',
    'records',
    'phaseStats',
    'routines',
    'supersets',
    'routineExercises',
    'exercises',
    'badges',
  ]
  const count = rounds(60, 2000)
  for (let round = 0; round < count; round++) {
    const odd = () => {
      if (random.chance(0.3)) return random.pick(texts)
      const members = Array.from(
        { length: random.below(6) },
        () => `"${random.pick(names)}":${random.pick(values)}`,
      )
      return `{${[`"clientId":"${random.below(4)}"`, ...members].join(',')}}`
    }
    const rows = lists.map(list => `"${list}":[${Array.from({ length: random.below(4) }, odd).join(',')}]`)
    const good = JSON.stringify({
      clientId: `g${round}`,
      badgeId: 'b',
      earnedAt: 1,
      createdAt: 1,
      updatedAt: 1,
    })
    const body = `{"deviceId":"fuzz","platform":"x","lastSync":0,${rows.join(',')},"badges":[${odd()},${good}]}`
    const answer = await api.post('/push', body)
    t.equal(answer.status, 200, answer.text.slice(0, 300))
    t.ok(answer.json?.idMappings?.badges?.[`g${round}`])
    t.strictSame((await api.post('/push', body)).text, answer.text, 'a replay answers the same')
  }
})

t.test(
  'rows of one document are judged by what all of them made, at first and when they come again',
  async t => {
    const clientId = '33333333-3333-4333-8333-333333333333'
    const partial = { clientId, targetReps: 3, updatedAt: 2 }
    const body = {
      ...device,
      sessions: [partial, { ...session, clientId, updatedAt: 3 }],
      routines: [{ clientId, updatedAt: 1 }],
    }
    const answer = await api.post('/push', body)
    t.strictSame(
      answer.json.rejected.map(({ path }: { readonly path: string }) => path.split('.')[0]),
      ['routines[0]'],
    )
    t.equal((await api.post('/push', body)).text, answer.text)
  },
)

t.test('pushes that come at once, and twice, all arrive', async t => {
  const pushes = Array.from({ length: 12 }, (_, n) => ({
    ...device,
    deviceId: `many-${n % 6}`,
    sessions: [
      { ...session, clientId: '22222222-2222-4222-8222-222222222222', [`by${n % 6}`]: 1, updatedAt: 10 },
    ],
  }))
  const answers = await Promise.all(pushes.map(body => api.post('/push', body)))
  t.ok(answers.every(({ status }) => status === 200))
  const { json } = await me.get('/session:22222222-2222-4222-8222-222222222222?open_revs=all&revs=true')
  const bodies = JSON.stringify(json)
  t.ok(json.length > 0 && bodies.includes('by'))
})

t.test('ten thousand full rows go through the limits of a body', async t => {
  const fields = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`unknown${n}`, n]))
  const sessions = Array.from({ length: 10_000 }, (_, n) => ({ ...session, ...fields, clientId: `big-${n}` }))
  const start = performance.now()
  const answer = await api.post('/push', { ...device, sessions })
  t.comment(`${Math.round(performance.now() - start)} ms`)
  t.equal(answer.status, 200, answer.text.slice(0, 300))
  t.equal(Object.keys(answer.json.idMappings.sessions).length, 10_000)
})
