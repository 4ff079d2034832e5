import t, { type Test } from 'tap'
import { metrics } from '../../../design-docs/entities/metrics.ts'
import type { Field, Fields } from '../../../design-docs/entity.ts'
import { hasLoneSurrogate } from '../../../design-docs/lone-surrogate.ts'
import { mintToken } from '../../../server/auth/token.ts'
import { isSingle, syncedEntities } from '../../../server/sync/message-push.ts'
import { type HttpClient, httpClient, type Reply } from '../../fixtures/http-client.ts'
import {
  faultsOf,
  type ListName,
  type Member,
  type MessageName,
  membersOf,
  ROWS,
  strangers,
} from '../../fixtures/rest-messages.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { JWT, runningServer } from '../../fixtures/running-server.ts'
import { type SeededRandom, seededRandom } from '../../fixtures/seeded-random.ts'
import { recordRow, rowUuid, type SyncRow, sessionRow, syncUser } from '../../fixtures/sync-device.ts'
import { memberPaths, withValue } from '../hostile/hostile-requests.ts'
import { BODIES, LARGE_VALUES, QUERY_VALUES, WRONG_VALUES } from '../hostile/hostile-values.ts'

/** Every request and every answer of the REST API, as the app that exists was built with them. */

const server = await runningServer(t, { trustProxy: true })
const newUser = () => syncUser(server)
const LISTS = Object.keys(ROWS) as readonly ListName[]

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

const PARENTS: { readonly [member: string]: string } = {
  sessionId: rowUuid(1),
  routineId: rowUuid(1),
  supersetId: rowUuid(1),
}
const COUNTED: ReadonlySet<string> = new Set(['records', 'badges', 'gamificationStats'])
const TIME = 1_700_000_000_000

/** A value that no other member of the row has, as far as its type allows. */
function sampleOf({ name, type, default: usual }: Member, n: number): unknown {
  if (PARENTS[name] !== undefined) return PARENTS[name]
  if (type === 'String') return `${name} é💪 "\\`
  if (type === 'Boolean') return usual !== true
  return type === 'Long' ? TIME + n : type === 'Int' ? 1000 + n : n + 0.25
}

/** A row as the app would send it: with all it knows, or with no more than it must. */
function row(
  list: ListName,
  which: 'full' | 'least',
  clientId = COUNTED.has(list) ? '1' : rowUuid(1),
): SyncRow {
  const sent = membersOf(ROWS[list]).filter(member => which === 'full' || member.default === undefined)
  const members = sent.filter(({ name }) => name !== 'serverId' && name !== 'deletedAt')
  return { ...Object.fromEntries(members.map((member, n) => [member.name, sampleOf(member, n)])), clientId }
}

/** All that stands for members that were not sent. */
function defaults(list: ListName): SyncRow {
  const absent = membersOf(ROWS[list]).filter(member => member.default !== undefined)
  return Object.fromEntries(absent.map(member => [member.name, member.default]))
}

const single = (list: ListName) => list === 'gamificationStats'
const lists = (rowOf: (list: ListName) => SyncRow) =>
  Object.fromEntries(LISTS.map(list => [list, single(list) ? rowOf(list) : [rowOf(list)]]))
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

/** Of each type what another type is, and what it has no room for. */
const WRONG: { readonly [type: string]: readonly unknown[] } = {
  String: [7, true, [], {}, 'NUL \0', 'half \ud800'],
  Boolean: [0, 'true', []],
  Int: ['7', 1.5, 2 ** 31, -(2 ** 31) - 1, false],
  Long: ['7', 0.5, 2 ** 53, [], {}],
  Float: ['7.5', true, {}],
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

let place = 0
/** Answers to calls of somebody who is in a place of his own. */
function caller(authorization: string) {
  const client = httpClient(server.url, authorization)
  const headers = { 'X-Forwarded-For': `198.51.100.${++place}` }
  return (call: string, body?: unknown): Promise<Reply> => {
    const [method = '', path = ''] = call.split(' ')
    return client.send(method, path, { body, headers })
  }
}

t.test('the calls of a first day', async t => {
  let token = ''
  for (const [call, body, status, answer, message] of CALLS) {
    const reply = await caller(`Bearer ${token}`)(call, body)
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

/** Whatever the status, an error is text for the person who waits. */
function isError(t: Test, reply: Reply, status: number, what: string): void {
  const said = { status: reply.status, isError: hasOnlyError(reply), type: reply.headers.get('content-type') }
  t.strictSame(
    said,
    { status, isError: true, type: 'application/json' },
    `${what}: ${reply.text.slice(0, 200)}`,
  )
}

function hasOnlyError({ json, text }: Reply): boolean {
  const { error, ...rest } = json ?? {}
  return typeof error === 'string' && error !== '' && Object.keys(rest).length === 0 && !INTERNALS.test(text)
}

const INTERNALS =
  /\n\s+at |node:internal|node_modules|\.[tj]s:\d|\/tmp\/|SQLITE|\b(Type|Range|Syntax)Error\b|ZodError/

const DEVICE = { deviceId: 'a', platform: 'ios', lastSync: 0 }
const SIGN_UP = { email: 'bert@example.org', password: PASSWORD }
const METRICS = `POST /api/sessions/${SESSION}/metrics`
const READ_METRICS = `GET /api/sessions/${SESSION}/metrics`

/** Each with what its error says: a wrong member by its path. */
const BAD_REQUESTS: readonly (readonly [call: string, body: unknown, error: RegExp])[] = [
  ...wrongMembers('POST /api/sync/push', 'SyncPushRequest', DEVICE),
  ...wrongMembers('POST /api/sync/pull', 'SyncPullRequest', { deviceId: 'a', lastSync: 0 }),
  ...wrongMembers(METRICS, 'MetricSamplesUploadRequest', { deviceId: 'a', samples: [] }),
  ...membersOf('MetricSampleDto').flatMap(({ name, type, default: usual }) =>
    [...(WRONG[type] ?? []), ...(usual === undefined ? [undefined, null] : [])].map(value => {
      const sample = { timestamp: 1, [name]: value }
      const body = { deviceId: 'a', samples: [{ timestamp: 0 }, sample] }
      return [METRICS, body, new RegExp(`^samples\\[1\\]\\.${name}: `)] as const
    }),
  ),
  [METRICS, { deviceId: 'a', samples: [7] }, /^samples\[0\]: /],
  ['POST /api/sync/push', { ...DEVICE, deviceId: '' }, /^deviceId: /],
  ['POST /api/sync/push', { ...DEVICE, deviceId: 'a:b' }, /^deviceId: /],
  ['POST /api/sync/push', { ...DEVICE, deviceId: 'x'.repeat(65) }, /^deviceId: /],
  ['POST /api/sync/push', { ...DEVICE, platform: 'x'.repeat(51) }, /^platform: /],
  ['POST /api/sync/pull', { deviceId: 'a', lastSync: 0, limit: 0 }, /^limit: /],
  ['POST /api/sync/pull', { deviceId: 'a', lastSync: 0, limit: '5' }, /^limit: /],
  ['GET /api/sync/status?deviceId=a%20b', undefined, /deviceId/],
  [`${READ_METRICS}?from=x`, undefined, /from/],
  [`${READ_METRICS}?to=1.5`, undefined, /to/],
  [`${READ_METRICS}?every=0`, undefined, /every/],
  ['POST /api/auth/signup', { ...SIGN_UP, email: EMAIL }, /account already/],
  ['POST /api/auth/signup', { ...SIGN_UP, email: 'bert' }, /email/],
  ['POST /api/auth/signup', { ...SIGN_UP, password: '1234567' }, /password/],
  ['POST /api/auth/signup', { ...SIGN_UP, displayName: 7 }, /displayName/],
  ['POST /api/auth/signup', { password: PASSWORD }, /email/],
  ['POST /api/auth/login', { email: EMAIL }, /password/],
  ['POST /api/auth/login', { email: 7, password: PASSWORD }, /email/],
  ...[
    'POST /api/sync/push',
    'POST /api/sync/pull',
    METRICS,
    'POST /api/auth/signup',
    'POST /api/auth/login',
  ].flatMap(call => [[], 'null', '"x"', '7', '{"deviceId":', ''].map(body => [call, body, /./] as const)),
]

function wrongMembers(
  call: string,
  message: MessageName,
  good: object,
): readonly (readonly [string, unknown, RegExp])[] {
  return membersOf(message).flatMap(({ name, type, default: usual }) => {
    const wrong = WRONG[type] ?? [7, 'x', type.startsWith('List') ? {} : []]
    const absent = usual === undefined ? [undefined, null] : []
    return [...wrong, ...absent].map(
      value => [call, { ...good, [name]: value }, new RegExp(`^${name}: `)] as const,
    )
  })
}

t.test('what is wrong with a request is a 400 that names it', async t => {
  const { sub } = newUser()
  const call = caller(server.bearer(sub))
  for (const [path, body, error] of BAD_REQUESTS) {
    const what = `${path} ${JSON.stringify(body)?.slice(0, 100)}`
    const reply = await call(path, body)
    isError(t, reply, 400, what)
    t.match(reply.json.error, error, what)
  }
  t.match((await call('GET /api/sync/devices')).json, { devices: [] }, 'and does nothing')
  t.equal((await call(READ_METRICS)).status, 404)
})

/** All calls that take a token. */
const OF_USERS = [
  'GET /api/auth/me',
  'GET /api/sync/status',
  'GET /api/sync/devices',
  'POST /api/sync/push',
  'POST /api/sync/pull',
  METRICS,
  READ_METRICS,
] as const

t.test('without a token that holds, 401: log in', async t => {
  const sub = rowUuid(7)
  const tokens = {
    none: '',
    'no token': 'Bearer x.y.z',
    expired: `Bearer ${server.token(sub, -60)}`,
    'of another secret': `Bearer ${mintToken({ ...JWT, sub, secret: 'x'.repeat(40), expiresInSeconds: 60 })}`,
    'for another audience': `Bearer ${mintToken({ ...JWT, sub, audience: 'others', expiresInSeconds: 60 })}`,
    'of another issuer': `Bearer ${mintToken({ ...JWT, sub, issuer: 'others', expiresInSeconds: 60 })}`,
    'without a signature': `Bearer ${server.token(sub).replace(/[^.]*$/, '')}`,
  }
  for (const [what, authorization] of Object.entries(tokens))
    for (const path of OF_USERS)
      isError(
        t,
        await caller(authorization)(path, path.startsWith('GET') ? undefined : DEVICE),
        401,
        `${path}, ${what}`,
      )
  const wrong = await caller('')('POST /api/auth/login', { email: EMAIL, password: 'wrong one' })
  isError(t, wrong, 401, 'a wrong password')
})

t.test('what is not there is a 404, and what is not done there a 405 that says what is', async t => {
  const call = caller(server.bearer(rowUuid(8)))
  isError(t, await call(READ_METRICS), 404, 'the samples of a session that is not there')
  for (const path of [
    '',
    '/',
    '/sync',
    '/sync/push/x',
    '/sessions',
    `/sessions/${SESSION}`,
    '/auth',
    '/users',
  ])
    for (const method of ['GET', 'POST', 'PUT', 'DELETE'])
      for (const who of [call, caller('')])
        isError(
          t,
          await who(`${method} /api${path}`, method === 'GET' ? undefined : {}),
          404,
          `${method} /api${path}`,
        )
  const methods = new Map<string, string[]>()
  for (const one of [...OF_USERS, 'POST /api/auth/login', 'POST /api/auth/signup']) {
    const [method = '', path = ''] = one.split(' ')
    methods.set(path, [...(methods.get(path) ?? []), method])
  }
  for (const [path, allowed] of methods)
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(
      method => !allowed.includes(method),
    )) {
      const reply = await call(`${method} ${path}`, method === 'GET' ? undefined : {})
      isError(t, reply, 405, `${method} ${path}`)
      for (const name of allowed) t.match(reply.headers.get('allow'), name)
    }
})

t.test('a body that is too large is a 413', async t => {
  const MIB = 1024 * 1024
  const limits: readonly (readonly [call: string, bytes: number])[] = [
    ['POST /api/sync/push', 64 * MIB],
    ['POST /api/sync/pull', 64 * 1024],
    [METRICS, 32 * MIB],
    ['POST /api/auth/signup', 16 * 1024],
    ['POST /api/auth/login', 16 * 1024],
  ]
  const call = caller(server.bearer(rowUuid(9)))
  for (const [path, bytes] of limits) isError(t, await call(path, Buffer.alloc(bytes + 1, ' ')), 413, path)
  const samples = Array.from({ length: 100_001 }, () => ({ timestamp: 1 }))
  isError(
    t,
    await caller(server.bearer(rowUuid(9)))(METRICS, { deviceId: 'a', samples }),
    413,
    'too many samples',
  )
})

t.test('who guesses passwords waits: 429', async t => {
  const call = caller('')
  const guess = () => call('POST /api/auth/login', { email: 'guessed@example.org', password: 'a guess' })
  for (let n = 0; n < 10; n++) isError(t, await guess(), 401, 'a guess')
  const refused = await guess()
  isError(t, refused, 429, 'the eleventh')
  t.ok(Number(refused.headers.get('retry-after')) > 0)
})

/** What an app sends to each call. */
const SENT: readonly (readonly [call: string, body?: object])[] = [
  ['POST /api/sync/push', { ...DEVICE, ...lists(list => row(list, 'full')) }],
  ['POST /api/sync/push', { ...DEVICE, ...lists(list => ({ ...row(list, 'least'), deletedAt: TIME })) }],
  ['POST /api/sync/pull', { deviceId: 'a', lastSync: 0, limit: 3 }],
  ['POST /api/sync/pull', { deviceId: 'b', lastSync: TIME }],
  [
    METRICS,
    {
      deviceId: 'a',
      samples: [Object.fromEntries(membersOf('MetricSampleDto').map((m, n) => [m.name, sampleOf(m, n)]))],
    },
  ],
  ['POST /api/auth/signup', { ...SIGN_UP, displayName: 'Bert' }],
  ['POST /api/auth/login', SIGN_UP],
  ['GET /api/sync/status?deviceId=a'],
  ['GET /api/sync/devices'],
  ['GET /api/auth/me'],
  [`${READ_METRICS}?from=1&to=9&every=2&deviceId=a`],
]

/** Among them numbers that the app's own have no room for. */
const ODD = [
  ...WRONG_VALUES,
  '1e39',
  '-1e300',
  '5e-324',
  '-0',
  '1e3',
  '2147483648',
  '9007199254740991',
  '8.64e15',
]

/** One of them with something odd in it. */
function spoiled(random: SeededRandom): readonly [call: string, body: string | Uint8Array | undefined] {
  const [call, body] = random.pick(SENT)
  if (body === undefined || random.chance(0.15))
    return [spoiledQuery(random, call), body && JSON.stringify(body)]
  if (random.chance(0.1)) return [call, random.pick(BODIES)]
  const odd = () => random.pick(random.chance(0.02) ? LARGE_VALUES : ODD)
  let text = withValue(body, random.pick(memberPaths(body)), odd())
  for (let more = random.below(3); more > 0; more--) text = doublySpoiled(random, text, odd())
  if (random.chance(0.1)) text = text.slice(0, random.below(text.length))
  return [call, text]
}

/** What cannot be read any more stays as it is. */
function doublySpoiled(random: SeededRandom, text: string, odd: string): string {
  try {
    const paths = memberPaths(JSON.parse(text))
    return paths.length === 0 || text.length > 50_000
      ? text
      : withValue(JSON.parse(text), random.pick(paths), odd)
  } catch {
    return text
  }
}

function spoiledQuery(random: SeededRandom, call: string): string {
  const names = ['deviceId', 'from', 'to', 'every', 'limit', '__proto__']
  const short = QUERY_VALUES.filter(value => value.length < 1000 && !hasLoneSurrogate(value))
  const value = encodeURIComponent(random.pick(short))
  return `${call}${call.includes('?') ? '&' : '?'}${random.pick(names)}=${value}`
}

t.test('whatever is sent, nothing fails in the server, and whoever pulls can read what he gets', async t => {
  const random = seededRandom(t)
  const { sub, device, me } = newUser()
  const client = httpClient(server.url, server.bearer(sub))
  for (let left = rounds(250, 30_000); left > 0; left--) {
    const [call, body] = spoiled(random)
    const reply = await sendFrom(client, call, { body, place: left })
    const what = `${call} ${String(body).slice(0, 2000)}`
    if (reply.status >= 400) {
      if (reply.status >= 500 || !hasOnlyError(reply))
        t.fail(what, { status: reply.status, text: reply.text })
    } else if (reply.json === undefined) t.fail(what, { text: reply.text.slice(0, 500) })
    const message = /pull/.test(call)
      ? 'SyncPullResponse'
      : /push/.test(call)
        ? 'SyncPushResponse'
        : undefined
    const faults = reply.status === 200 && message !== undefined ? faultsOf(message, reply.json) : []
    if (faults.length > 0) t.fail(what, { faults })
  }
  // A client that replicates may write anything, too.
  const docs = Array.from({ length: 300 }, (_, n) => {
    const { entity, name } = random.pick(syncedEntities)
    const members = { ...row(name as ListName, 'full', rowUuid(n)), deletedAt: null, x: null }
    const text = withValue(members, [random.pick(Object.keys(members))], random.pick(ODD))
    return `{"_id":"${entity.type}${isSingle(entity) ? '' : `:${rowUuid(n)}`}",${text.slice(1)}`
  })
  t.equal((await me.send('POST', '/_bulk_docs', { body: `{"docs":[${docs}]}` })).status, 201)
  const { pendingChanges } = await device('fresh').status()
  const pulled = await device('fresh').pull(0)
  t.strictSame(faultsOf('SyncPullResponse', pulled), [])
  const rows = LISTS.flatMap(list => pulled[list] ?? [])
  t.ok(rows.length > 10)
  t.equal(rows.length, pendingChanges)
  const { json } = await client.get(`/api/sessions/${SESSION}/metrics`)
  t.strictSame(faultsOf('MetricSamplesResponse', json), [])
})

type From = { readonly body: string | Uint8Array | undefined; readonly place: number }

/** Guesses and sign-ups are counted by place. */
function sendFrom(client: HttpClient, call: string, { body, place }: From): Promise<Reply> {
  const [method = '', path = ''] = call.split(' ')
  const headers = {
    'X-Forwarded-For': `2001:db8:${(place >> 16).toString(16)}:${(place & 0xffff).toString(16)}::1`,
  }
  return client.send(method, path, { body: method === 'GET' ? undefined : body, headers })
}
