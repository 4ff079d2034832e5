import t, { type Test } from 'tap'
import { metrics } from '../../../design-docs/entities/metrics.ts'
import type { Field, Fields } from '../../../design-docs/entity.ts'
import { isSingle, syncedEntities } from '../../../server/sync/message-push.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import {
  faultsOf,
  type ListName,
  type Member,
  type MessageName,
  membersOf,
  ROWS,
  strangers,
} from '../../fixtures/rest-messages.ts'
import { COUNTED, defaults, LISTS, lists, row, single, TIME, WRONG } from '../../fixtures/rest-rows.ts'
import { runningServer } from '../../fixtures/running-server.ts'
import { recordRow, rowUuid, type SyncRow, sessionRow, syncUser } from '../../fixtures/sync-device.ts'

/** The requests and answers of the REST API, as the app that exists was built with them. Errors: contract-errors.test.ts. */

const server = await runningServer(t)
const newUser = () => syncUser(server)

/** Divan says more than the app knows, which passes over it. */
const ALSO_SAID: { readonly [message in MessageName]?: readonly string[] } = {
  SyncPushResponse: ['rejected'],
  SyncStatusResponse: ['serverTime', 'clockSkew'],
}

/** An answer has what the app knows of the message, in its types, and nothing else but what is listed. */
function isMessage(t: Test, name: MessageName, answer: object, also = ALSO_SAID[name] ?? []): void {
  t.strictSame(faultsOf(name, answer), [], `the app can read the ${name}`)
  t.strictSame(strangers(name, answer), also)
  const names = membersOf(name).map(member => member.name)
  t.strictSame(Object.keys(answer).sort(), [...names, ...also].sort(), `a ${name} has all of its members`)
}

const firstOf = (answer: SyncRow, list: ListName) => [answer[list]].flat()[0] as SyncRow

/** As another device is told it. */
function told(list: ListName, sent: SyncRow, { idMappings }: { idMappings: SyncRow }): SyncRow {
  if (single(list)) return { ...defaults(list), ...sent }
  const serverId = (idMappings[list] as SyncRow)[String(sent.clientId)]
  const clientId = COUNTED.has(list) ? `a:${sent.clientId}` : sent.clientId
  return { ...defaults(list), ...sent, clientId, serverId }
}

t.test('the descriptions say what the messages of the app say, and no other field', async t => {
  const TYPES = { text: 'String', reference: 'String', uuid: 'String', boolean: 'Boolean', integer: 'Int' }
  const typeOf = ({ kind }: Field) =>
    kind === 'float' ? 'Float' : kind === 'long' || kind === 'time' ? 'Long' : TYPES[kind]
  const described = (fields: Fields) =>
    Object.entries(fields)
      .filter(([, field]) => field.inMessages !== false)
      .map(([name, field]) => ({
        name,
        type: typeOf(field),
        nullable: field.nullable === true,
        default: field.nullable === true ? null : field.default,
      }))
  const sorted = (members: readonly Member[]) =>
    members.filter(({ name }) => name !== 'serverId').sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { entity, name } of syncedEntities)
    t.strictSame(sorted(described(entity.fields)), sorted(membersOf(ROWS[name as ListName])), name)
  t.strictSame(sorted(described(metrics.rows.fields)), sorted(membersOf('MetricSampleDto')))
  t.strictSame(syncedEntities.map(({ name }) => name).sort(), [...LISTS].sort())
  const singles = syncedEntities.filter(({ entity }) => isSingle(entity)).map(({ name }) => name)
  t.strictSame(singles, ['gamificationStats'])
})

for (const which of ['full', 'least'] as const)
  t.test(`a ${which} row of each entity arrives as it was sent, defaults filled in`, async t => {
    const { device } = newUser()
    const pushed = await device('a').push(
      0,
      lists(list => row(list, which)),
    )
    isMessage(t, 'SyncPushResponse', pushed)
    t.strictSame(pushed.rejected, [])
    const pulled = await device('b').pull(0)
    isMessage(t, 'SyncPullResponse', pulled)
    for (const list of LISTS)
      t.strictSame(firstOf(pulled, list), told(list, row(list, which), pushed), `${list} to another device`)
    const own = await device('a').pull(7)
    for (const list of LISTS.filter(list => !single(list)))
      t.equal(firstOf(own, list).clientId, row(list, which).clientId, `${list} as its own device calls it`)
  })

t.test('null is the same as absent, and a deleted row of each entity arrives in full', async t => {
  const { device } = newUser()
  const marked = LISTS.filter(list => !single(list))
  const of = (more: SyncRow) =>
    Object.fromEntries(marked.map(list => [list, [{ ...row(list, 'least'), ...nulls(list), ...more }]]))
  const pushed = await device('a').push(0, of({}))
  const pulled = await device('b').pull(0)
  for (const list of marked) t.strictSame(firstOf(pulled, list), told(list, row(list, 'least'), pushed), list)
  const death = { deletedAt: TIME + 900, updatedAt: TIME + 900 }
  t.strictSame((await device('a').push(0, of(death))).rejected, [])
  const after = await device('b').pull(pulled.syncTime)
  isMessage(t, 'SyncPullResponse', after)
  for (const list of marked)
    t.strictSame(firstOf(after, list), told(list, { ...row(list, 'least'), ...death }, pushed), list)
})

function nulls(list: ListName): SyncRow {
  const absent = membersOf(ROWS[list]).filter(member => member.default !== undefined)
  return Object.fromEntries(absent.map(({ name }) => [name, null]))
}

type Wrong = { readonly member: string; readonly value: unknown }

/** A number is enough to delete a row, whichever; and a date that lies ahead is the time of receipt. */
function isTaken({ member, value }: Wrong): boolean {
  return (
    typeof value === 'number' && (member === 'deletedAt' || (member === 'updatedAt' && value > Date.now()))
  )
}

function wrongRows(list: ListName): readonly Wrong[] {
  const members = membersOf(ROWS[list]).filter(({ name }) => name !== 'serverId' && name !== 'clientId')
  const wrong = members.flatMap(({ name, type, default: usual }) => [
    ...(WRONG[type] ?? []).map(value => ({ member: name, value })),
    ...(usual === undefined ? [{ member: name, value: undefined }] : []),
  ])
  return wrong.filter(one => !isTaken(one))
}

for (const list of LISTS.filter(list => !single(list)))
  t.test(`in ${list} each member that is missing or of another type is named`, async t => {
    const { device } = newUser()
    const wrong = wrongRows(list)
    const rows = wrong.map(({ member, value }, n) => ({ ...row(list, 'least', `x${n}`), [member]: value }))
    const pushed = await device('a').push(0, { [list]: [...rows, row(list, 'full')] })
    isMessage(t, 'SyncPushResponse', pushed)
    const rejected = pushed.rejected.map(({ reason, ...rest }: SyncRow) => rest)
    const named = wrong.map(({ member }, n) => {
      return { entity: list, clientId: `x${n}`, path: `${list}[${n}].${member}` }
    })
    t.strictSame(rejected, named)
    t.equal(Object.keys(pushed.idMappings[list]).length, rows.length + 1, 'all have an id')
    const pulled = await device('b').pull(0)
    t.strictSame(pulled[list], [told(list, row(list, 'full'), pushed)], 'and the good one arrives')
  })

t.test('of the stats, too: all of a user are one document', async t => {
  const list = 'gamificationStats'
  // One value for each member, each from a user of its own.
  const wrong = new Map(wrongRows(list).map(({ member, value }) => [member, value]))
  for (const [member, value] of wrong) {
    const sent = { [list]: { ...row(list, 'least'), [member]: value } }
    const { rejected } = await newUser().device('a').push(0, sent)
    t.match(rejected, [{ entity: list, path: `${list}.${member}`, reason: /./ }], member)
  }
})

const EMAIL = 'ann@example.org'
const PASSWORD = 'correct horse'
const SESSION = rowUuid(1)
const SERVER_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const NEVER = 1_600_000_000_000

/** What each call of a first day answers: who, call, body, status and answer, and the message that it is. */
const CALLS: readonly (readonly [
  call: string,
  body: unknown,
  status: number,
  answer: object,
  message?: MessageName,
])[] = [
  [
    'POST /api/auth/signup',
    { email: EMAIL, password: PASSWORD, displayName: 'Ann' },
    201,
    { token: /^ey/, user: { id: /^[0-9a-f-]{36}$/, email: EMAIL, displayName: 'Ann', isPremium: false } },
    'AuthResponse',
  ],
  [
    'POST /api/auth/login',
    { email: 'ANN@example.org', password: PASSWORD },
    200,
    { token: /^ey/ },
    'AuthResponse',
  ],
  ['GET /api/auth/me', undefined, 200, { email: EMAIL, displayName: 'Ann', isPremium: false }, 'User'],
  [
    'GET /api/sync/status',
    undefined,
    200,
    {
      lastSync: null,
      pendingChanges: 0,
      subscriptionStatus: 'free',
      subscriptionExpiresAt: null,
      serverTime: Number,
      clockSkew: null,
    },
    'SyncStatusResponse',
  ],
  [
    'POST /api/sync/push',
    { deviceId: 'a', deviceName: null, platform: 'ios', lastSync: 0 },
    200,
    { syncTime: 0, idMappings: { sessions: {}, badges: {} }, rejected: [] },
    'SyncPushResponse',
  ],
  [
    'POST /api/sync/push',
    {
      deviceId: 'a',
      deviceName: 'A phone',
      platform: 'ios',
      lastSync: NEVER,
      sessions: [sessionRow(1)],
      records: [recordRow('1')],
    },
    200,
    { syncTime: 0, idMappings: { sessions: { [SESSION]: SERVER_ID }, records: { 1: SERVER_ID } } },
    'SyncPushResponse',
  ],
  [
    'GET /api/sync/status?deviceId=b',
    undefined,
    200,
    { lastSync: null, pendingChanges: 2 },
    'SyncStatusResponse',
  ],
  [
    'POST /api/sync/pull',
    { deviceId: 'b', lastSync: 0 },
    200,
    {
      syncTime: Number,
      sessions: [{ clientId: SESSION, serverId: SERVER_ID }],
      records: [{ clientId: 'a:1' }],
      routines: [],
      gamificationStats: null,
    },
    'SyncPullResponse',
  ],
  [
    'GET /api/sync/status?deviceId=b',
    undefined,
    200,
    { lastSync: Number, pendingChanges: 0 },
    'SyncStatusResponse',
  ],
  [
    `POST /api/sessions/${SESSION}/metrics`,
    { deviceId: 'a', samples: [{ timestamp: 2, load: 1.5 }, { timestamp: 1 }] },
    201,
    { uploaded: 2 },
  ],
  [
    `GET /api/sessions/${SESSION}/metrics`,
    undefined,
    200,
    {
      sessionId: SESSION,
      samples: [
        { timestamp: 1, load: null, status: 0 },
        { timestamp: 2, load: 1.5, power: null, status: 0 },
      ],
    },
    'MetricSamplesResponse',
  ],
  [
    'GET /api/sync/devices',
    undefined,
    200,
    {
      devices: [
        { deviceId: 'a', deviceName: 'A phone', platform: 'ios', pushed: { rows: 2 } },
        { deviceId: 'b', pulled: { pending: Number } },
      ],
      replications: [],
    },
  ],
]

t.test('the calls of a first day', async t => {
  let token = ''
  for (const [call, body, status, answer, message] of CALLS) {
    const [method = '', path = ''] = call.split(' ')
    const reply = await httpClient(server.url, `Bearer ${token}`).send(method, path, { body })
    t.equal(reply.status, status, `${call}: ${reply.text.slice(0, 200)}`)
    t.match(reply.json, answer, call)
    t.match(reply.headers.get('content-type'), /^application\/json/)
    if (message !== undefined) isMessage(t, message, reply.json)
    if (message === 'AuthResponse') {
      isMessage(t, 'User', reply.json.user)
      token = reply.json.token
    }
    for (const sample of reply.json.samples ?? []) isMessage(t, 'MetricSampleDto', sample)
  }
})

t.test('a page says whether there is more', async t => {
  const { device } = newUser()
  await device('a').push(0, { sessions: [sessionRow(1), sessionRow(2)] })
  const first = await device('b').pull(0, { limit: 1 })
  isMessage(t, 'SyncPullResponse', first, ['more'])
  t.equal(first.more, true)
})
