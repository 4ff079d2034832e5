import t from 'tap'
import { hashPassword } from '../../../server/auth/password.ts'
import { createSessionCookies } from '../../../server/auth/session-cookie.ts'
import { type RawRequest, rawRequest } from '../../fixtures/raw-request.ts'
import { ADMIN, JWT, runningServer } from '../../fixtures/running-server.ts'

const QUICK = { log2Rounds: 4, blockSize: 8, parallel: 1 } as const
const JSON_TYPE = { 'content-type': 'application/json' }
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' }

const passwordHash = await hashPassword(ADMIN.password, QUICK)
const admins = [{ name: ADMIN.name, passwordHash }]
const server = await runningServer(t, { admins, trustProxy: true })

const send = (path: string, options: RawRequest = {}) => rawRequest(server.url, path, options)
const login = (body: object, query = '', headers = {}) =>
  send(`/_session${query}`, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
  })
const form = (body: string, query = '') =>
  send(`/_session${query}`, { method: 'POST', headers: FORM_TYPE, body })
const setCookies = (answer: { headers: { 'set-cookie'?: string[] | undefined } }) =>
  answer.headers['set-cookie'] ?? []
const cookieOf = (answer: Parameters<typeof setCookies>[0]) =>
  setCookies(answer)[0]?.split(';', 1).join('') ?? ''

/** What a browser would have kept if the admin had last done something so many seconds ago. */
function cookieOfAge(seconds: number): string {
  const cookies = createSessionCookies(JWT.secret, admins, () => Date.now() - seconds * 1000)
  return cookies.issue(ADMIN.name, false).split(';', 1).join('')
}

t.test('logging in by JSON and by a form', async t => {
  const byJson = await login(ADMIN)
  t.match(byJson, { status: 200, headers: { 'cache-control': 'no-store' } })
  t.strictSame(JSON.parse(byJson.body), { ok: true, name: 'admin', roles: ['_admin'] })
  t.match(setCookies(byJson), [/^AuthSession=\S+; Path=\/; Max-Age=600; HttpOnly; SameSite=Strict$/])
  t.match(await login({ username: ADMIN.name, password: ADMIN.password }), { status: 200 })

  const byForm = await form('name=admin&password=p%C3%A4ss%3Aword')
  t.match(byForm, { status: 200, body: /"ok":true/ })
  t.match(JSON.parse((await send('/_session', { headers: { cookie: cookieOf(byForm) } })).body), {
    ok: true,
    userCtx: { name: 'admin', roles: ['_admin'] },
    info: {
      authenticated: 'cookie',
      authentication_handlers: ['jwt', 'cookie', 'default'],
      authentication_db: '_users',
    },
  })
})

t.test('what is wrong with a login is said, and no less or more of it than CouchDB says', async t => {
  const wrong = await login({ ...ADMIN, password: 'wrong' })
  t.equal(wrong.status, 401)
  t.strictSame(JSON.parse(wrong.body), {
    error: 'unauthorized',
    reason: 'Name or password is incorrect.',
  })
  t.match(setCookies(wrong), [/^AuthSession=; Path=\/; Max-Age=0; /])
  t.equal(wrong.headers['www-authenticate'], undefined, 'no browser asks for a password of its own accord')
  const nobody = await login({ name: 'nobody', password: 'wrong' })
  t.equal(nobody.body, wrong.body)
  t.strictSame(Object.keys(nobody.headers), Object.keys(wrong.headers))

  t.match(await login({ password: 'x' }), { status: 400, body: /\\"name\\"/ })
  t.match(await login({ name: 'x' }), { status: 400, body: /\\"password\\"/ })
  t.match(await login({ name: 'x', password: 7 }), { status: 400, body: /\\"password\\"/ })
  t.match(await login({ name: 'x', username: 'y', password: 'z' }), { status: 400, body: /\\"username\\"/ })
  t.match(await login([]), { status: 400 })
  t.match(await form(''), { status: 400, body: /\\"/ })
  t.match(await form('name=a&password=b&__proto__=c'), { status: 401 })
  const other = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'name=a&password=b' }
  t.match(await send('/_session', other), { status: 415, body: /x-www-form-urlencoded/ })
  t.match(await form(`name=a&password=${'x'.repeat(20_000)}`), { status: 413 })
})

t.test('a session opens what its admin may do, until he leaves', async t => {
  const cookie = cookieOf(await login(ADMIN))
  const headers = { ...JSON_TYPE, cookie }
  t.match(await send('/_all_dbs', { headers }), { status: 200 })
  t.match(await send('/of-a-session', { method: 'PUT', headers }), { status: 201 })
  t.match(await send('/of-a-session/doc', { method: 'PUT', headers, body: '{"a":1}' }), { status: 201 })
  t.match(await send('/of-a-session', { method: 'DELETE', headers }), { status: 200 })
  const bye = await send('/_session', { method: 'DELETE', headers })
  t.match(bye, { status: 200, body: /"ok":true/ })
  t.match(setCookies(bye), [/^AuthSession=; Path=\/; Max-Age=0; HttpOnly; SameSite=Strict$/])
})

t.test('a cookie that ran out is none: what is open to all stays open, the rest is 401', async t => {
  for (const cookie of [
    cookieOfAge(601),
    'AuthSession=YWRtaW46NjY2OmFiYw',
    'AuthSession="',
    'AuthSession=%',
  ]) {
    const headers = { cookie }
    const session = await send('/_session', { headers })
    t.match(JSON.parse(session.body), { ok: true, userCtx: { name: null, roles: [] } })
    t.equal(JSON.parse(session.body).info.authenticated, undefined)
    t.match(await send('/_uuids', { headers }), { status: 200 })
    t.match(await send('/_all_dbs', { headers }), { status: 401 })
    t.match(await login(ADMIN, '', headers), { status: 200 }, 'it does not hinder a login')
  }
})

t.test('a session is renewed by its use, once a tenth of it is over', async t => {
  const renewal = async (seconds: number, path = '/_all_dbs') =>
    send(path, { headers: { cookie: cookieOfAge(seconds) } })
  t.strictSame(setCookies(await renewal(30)), [])
  const renewed = await renewal(90)
  t.match(renewed, { status: 200, headers: { 'cache-control': 'private, must-revalidate' } })
  t.match(setCookies(renewed), [/^AuthSession=\S+; Path=\/; Max-Age=600; HttpOnly; SameSite=Strict$/])
  t.not(cookieOf(renewed), cookieOfAge(90))
  t.match(await send('/_all_dbs', { headers: { cookie: cookieOf(renewed) } }), { status: 200 })
  t.match(setCookies(await renewal(90, '/_session')), [/^AuthSession=\S/])
  t.strictSame(setCookies(await renewal(601)), [])
  t.match((await renewal(90, '/_uuids')).headers['cache-control'], /no-cache/, 'what a route says stays')
})

t.test('by https the cookie says that it goes by https alone', async t => {
  const secure = /; Secure$/
  t.match(setCookies(await login(ADMIN, '', { 'x-forwarded-proto': 'https' })), [secure])
  t.notMatch(setCookies(await login(ADMIN)), [secure])
  const headers = { cookie: cookieOfAge(90), 'x-forwarded-proto': 'https' }
  t.match(setCookies(await send('/_all_dbs', { headers })), [secure])
})

t.test('after a login the browser goes on to a path of this server, and nowhere else', async t => {
  const on = await form('name=admin&password=p%C3%A4ss%3Aword', '?next=/_utils/%3Fa%3Db%23/x')
  t.match(on, { status: 302, headers: { location: '/_utils/?a=b#/x' } })
  t.match(setCookies(on), [/^AuthSession=\S/])
  t.match(await send('/_session?next=/', { method: 'DELETE' }), { status: 302, headers: { location: '/' } })
  const elsewhere = [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '',
    'x',
  ]
  for (const next of elsewhere) {
    const answer = await login(ADMIN, `?next=${encodeURIComponent(next)}`)
    t.match(answer, { status: 400, body: /\\"next\\"/ }, JSON.stringify(next))
    t.strictSame(setCookies(answer), [])
    t.equal(answer.headers.location, undefined)
  }
  const wrong = await login({ ...ADMIN, password: 'wrong' }, '?next=/')
  t.match(wrong, { status: 401 })
})

/** What browsers say of requests that a page of another origin makes them send. */
const FOREIGN = [
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
  { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
  { origin: 'http://127.0.0.1:3000' },
  { origin: 'null' },
] as const

t.test('a page of another origin can do nothing with the cookie, neither write nor read', async t => {
  const cookie = cookieOf(await login(ADMIN))
  for (const foreign of FOREIGN) {
    const headers = { ...JSON_TYPE, cookie, ...foreign }
    for (const [method, path] of [
      ['PUT', '/made-by-another'],
      ['DELETE', '/_users'],
      ['POST', '/_users'],
      ['GET', '/_all_dbs'],
    ] as const) {
      const body = method === 'POST' ? '{}' : undefined
      const answer = await send(path, { method, headers, body })
      t.equal(answer.status, 401, `${method} ${path} from ${foreign.origin}`)
      t.equal(answer.headers['access-control-allow-credentials'], undefined)
    }
    const session = await send('/_session', { headers })
    t.match(JSON.parse(session.body), { userCtx: { name: null } })
  }
  t.equal(server.store.database('made-by-another'), undefined)
})

t.test('a page of another origin cannot guess passwords through somebody’s browser', async t => {
  for (const foreign of FOREIGN) {
    const answer = await login(ADMIN, '', foreign)
    t.match(answer, { status: 403, body: /"forbidden"/ })
    t.strictSame(setCookies(answer), [])
  }
})

t.test('pages of this server use it as they like', async t => {
  const cookie = cookieOf(await login(ADMIN, '', { origin: server.url, 'sec-fetch-site': 'same-origin' }))
  for (const own of [{ origin: server.url, 'sec-fetch-site': 'same-origin' }, { origin: server.url }, {}]) {
    const headers = { ...JSON_TYPE, cookie, ...own }
    t.match(await send('/own-page', { method: 'PUT', headers }), { status: 201 })
    t.match(await send('/own-page', { method: 'DELETE', headers }), { status: 200 })
  }
})

t.test('CouchDB’s replicator: logs in by a form, works with the cookie, and takes up a new one', async t => {
  const agent = { 'user-agent': 'CouchDB-Replicator/3.5.0' }
  const body = `name=${ADMIN.name}&password=${encodeURIComponent(ADMIN.password)}`
  const session = await send('/_session', { method: 'POST', headers: { ...FORM_TYPE, ...agent }, body })
  t.equal(session.status, 200)
  const cookie = cookieOf(session)
  // Its parser ends a value at any of these.
  t.notMatch(cookie.slice('AuthSession='.length), /[\s()<>@,;:\\"/[\]?={}]/)
  const headers = { ...JSON_TYPE, ...agent, cookie }
  t.match(await send('/target', { method: 'PUT', headers }), { status: 201 })
  const docs = { docs: [{ _id: 'a', _rev: '1-a', _revisions: { start: 1, ids: ['a'] } }], new_edits: false }
  const sent = { method: 'POST', headers, body: JSON.stringify(docs) }
  t.match(await send('/target/_bulk_docs', sent), { status: 201, body: '[]\n' })
  t.match(await send('/target/_ensure_full_commit', { method: 'POST', headers }), { status: 201 })

  const stale = await send('/target', { headers: { ...agent, cookie: cookieOfAge(601) } })
  t.equal(stale.status, 401, 'at a cookie that ran out it logs in again')

  const strangers = { method: 'POST', headers: { ...FORM_TYPE, ...agent }, body: 'name=anna&password=x' }
  const refused = await send('/_session', strangers)
  t.equal(refused.status, 401)
  t.equal(refused.headers['www-authenticate'], undefined, 'which would have it try once more in another way')
})

t.test('no browser lets a page of another origin send or read the cookie’s answers', async t => {
  const cookie = cookieOf(await login(ADMIN))
  for (const isListed of [false, true]) {
    if (isListed) await server.restart({ corsOrigins: ['https://evil.example'] })
    const origin = 'https://evil.example'
    const preflight = await send('/_users', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'DELETE' },
    })
    t.match(preflight, { status: 204 })
    t.equal(preflight.headers['access-control-allow-credentials'], undefined)
    const read = await send('/_all_dbs', { headers: { origin, cookie } })
    t.equal(read.headers['access-control-allow-credentials'], undefined)
  }
})

t.test('a changed password ends the sessions, a restart alone does not', async t => {
  const headers = { cookie: cookieOf(await login(ADMIN)) }
  await server.restart()
  t.match(await send('/_all_dbs', { headers }), { status: 200 })
  await server.restart({ admins: [{ name: ADMIN.name, passwordHash: await hashPassword('other', QUICK) }] })
  t.match(await send('/_all_dbs', { headers }), { status: 401 })
})
