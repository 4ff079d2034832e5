import t, { type Test } from 'tap'
import { hasLoneSurrogate } from '../../../design-docs/lone-surrogate.ts'
import { mintToken } from '../../../server/auth/token.ts'
import { isSingle, syncedEntities } from '../../../server/sync/message-push.ts'
import { type HttpClient, httpClient, type Reply } from '../../fixtures/http-client.ts'
import { faultsOf, type ListName, type MessageName, membersOf } from '../../fixtures/rest-messages.ts'
import { LISTS, lists, row, sampleOf, TIME, WRONG } from '../../fixtures/rest-rows.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { JWT, runningServer } from '../../fixtures/running-server.ts'
import { type SeededRandom, seededRandom } from '../../fixtures/seeded-random.ts'
import { rowUuid, syncUser } from '../../fixtures/sync-device.ts'
import { memberPaths, withValue } from '../hostile/hostile-requests.ts'
import { BODIES, LARGE_VALUES, QUERY_VALUES, WRONG_VALUES } from '../hostile/hostile-values.ts'

/** Every error of the REST API, and bodies that nobody expects. */

const server = await runningServer(t, { trustProxy: true })
const newUser = () => syncUser(server)
const EMAIL = 'ann@example.org'
const PASSWORD = 'correct horse'
const SESSION = rowUuid(1)

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

t.before(async () => {
  await caller('')('POST /api/auth/signup', { email: EMAIL, password: PASSWORD })
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
