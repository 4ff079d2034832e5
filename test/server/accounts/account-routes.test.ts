import { hash, verify } from '@node-rs/bcrypt'
import t from 'tap'
import { userDbName } from '../../../design-docs/user-db.ts'
import { isUuid } from '../../../design-docs/uuid.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import { runningServer } from '../../fixtures/running-server.ts'

/** The three calls over HTTP. Behind a proxy, so that a test can be in many places. */
const server = await runningServer(t, { trustProxy: true })
const admin = httpClient(server.url, server.basic)

let place = 0
/** A client somewhere else than all others. */
function phone(authorization = '') {
  const headers = { 'X-Forwarded-For': `198.51.100.${++place}` }
  const client = httpClient(server.url, authorization)
  const post = (path: string) => (body: unknown) =>
    client.send('POST', `/api/auth/${path}`, { body, headers })
  return {
    signup: post('signup'),
    login: post('login'),
    me: () => client.send('GET', '/api/auth/me', { headers }),
  }
}

const ANN = { email: 'Ann@Example.org', password: 'correct horse' }
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
const accountDoc = async (email: string) => (await admin.get(`/_users/org.couchdb.user:${email}`)).json

t.test('an app signs up, logs in, asks who it is, and finds its database', async t => {
  const { signup, login } = phone()
  const signedUp = await signup({ ...ANN, displayName: ' Ann ' })
  t.equal(signedUp.status, 201)
  const { token, user, ...more } = signedUp.json
  t.strictSame(more, {})
  t.ok(isUuid(user.id))
  t.strictSame(user, { id: user.id, email: 'ann@example.org', displayName: 'Ann', isPremium: false })
  t.equal(signedUp.headers.get('cache-control'), 'no-store')
  const { sub, iss, aud, iat, exp } = claimsOf(token)
  t.strictSame(
    { sub, iss, aud, days: (exp - iat) / 86400 },
    { sub: user.id, iss: 'phoenix-portal', aud: 'phoenix-portal-users', days: 7 },
  )

  const loggedIn = await login({ email: ' ANN@example.ORG ', password: ANN.password })
  t.equal(loggedIn.status, 200)
  t.strictSame(loggedIn.json.user, user)
  const me = await phone(`Bearer ${loggedIn.json.token}`).me()
  t.match(me, { status: 200, json: user })
  t.strictSame(Object.keys(me.json), ['id', 'email', 'displayName', 'isPremium'])

  const own = httpClient(server.url, `Bearer ${token}`)
  t.equal((await own.put('/me/session:x', { v: 1 })).status, 201)
  const { database, userId } = await accountDoc('ann@example.org')
  t.equal(database, userDbName(userId))
  t.equal((await admin.get(`/${database}/session:x`)).status, 200, 'an admin finds it by the email')
})

t.test('the account is a document of _users as CouchDB has them, its password bcrypt', async t => {
  const { _rev, passwordHash, lastLoginAt, ...doc } = await accountDoc('ann@example.org')
  t.strictSame(doc, {
    _id: 'org.couchdb.user:ann@example.org',
    type: 'user',
    name: 'ann@example.org',
    roles: [],
    email: 'ann@example.org',
    displayName: 'Ann',
    userId: doc.userId,
    database: userDbName(doc.userId),
    isPremium: false,
    subscriptionStatus: 'free',
    createdAt: doc.createdAt,
  })
  t.match(passwordHash, /^\$2b\$04\$/)
  t.ok(await verify(ANN.password, passwordHash))
  t.ok(Math.abs(Date.now() - doc.createdAt) < 60_000)
  t.ok(Math.abs(Date.now() - lastLoginAt) < 60_000, 'it knows of the login')

  await phone().login(ANN)
  t.equal((await accountDoc('ann@example.org'))._rev, _rev, 'and is not written again by the next one')

  for (const asker of ['', server.bearer(doc.userId), server.bearer('bert')]) {
    const path = '/_users/org.couchdb.user:ann@example.org'
    for (const at of [path, '/_users/_all_docs?include_docs=true', '/_users/_changes?include_docs=true'])
      t.notMatch((await httpClient(server.url, asker).get(at)).text, /passwordHash|\$2b/)
  }
})

const LONG = `${'a'.repeat(64)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example`

t.test('a wrong sign-up is 400 and names what is wrong', async t => {
  const { signup } = phone()
  const good = { email: 'someone@example.org', password: 'long enough' }
  const cases: readonly [body: unknown, error: RegExp][] = [
    [undefined, /email and a password/],
    [[], /email and a password/],
    ['text', /JSON/],
    [{}, /^The email is missing\.$/],
    [{ email: good.email }, /^The password is missing\.$/],
    [{ ...good, email: null }, /^The email must be text\.$/],
    [{ ...good, email: 'someone' }, /^The email is no address/],
    [{ ...good, email: 'some one@example.org' }, /^The email is no address/],
    [{ ...good, email: 'someone@example' }, /^The email is no address/],
    [{ ...good, email: 'a@b@example.org' }, /^The email is no address/],
    [{ ...good, email: 'a@example.org\r\nBcc: b@example.org' }, /^The email is no address/],
    [{ ...good, email: 'a\0@example.org' }, /^The email is no address/],
    [{ ...good, email: LONG }, /^The email .* more than 254 characters/],
    [{ ...good, password: 12345678 }, /^The password must be text\.$/],
    [{ ...good, password: '1234567' }, /^The password needs 8 characters/],
    [{ ...good, password: '💪'.repeat(4) }, /^The password needs 8 characters/],
    [{ ...good, password: 'x'.repeat(73) }, /^The password is too long: it takes 73 bytes/],
    [{ ...good, password: 'ä'.repeat(37) }, /^The password is too long: it takes 74 bytes/],
    [{ ...good, password: 'eight\0characters' }, /^The password holds a NUL/],
    [{ ...good, password: 'eight\ud800characters' }, /^The password holds half a character/],
    [{ ...good, displayName: 5 }, /^The displayName must be text\.$/],
    [{ ...good, displayName: 'x'.repeat(256) }, /^The displayName .* at most 255 fit/],
    [{ ...good, displayName: 'a\0' }, /^The displayName .* NUL/],
  ]
  for (const [body, error] of cases) {
    const { status, json } = await signup(body)
    t.equal(status, 400, JSON.stringify(body))
    t.strictSame(Object.keys(json), ['error'])
    t.match(json.error, error)
  }
  t.equal((await accountDoc(good.email)).error, 'not_found', 'and makes no account')

  for (const password of ['x'.repeat(72), '💪'.repeat(8), '        '])
    t.equal((await signup({ email: `ok${password.length}@example.org`, password })).status, 201)
  const ok = { email: 'ok72@example.org', password: 'x'.repeat(72) }
  t.equal((await phone().login(ok)).status, 200)
  t.equal((await phone().login({ ...ok, password: 'x'.repeat(73) })).status, 401, 'nothing is cut')
})

t.test('an email has one account, however it is written', async t => {
  const again = await phone().signup({ email: 'ANN@EXAMPLE.ORG', password: 'another one' })
  t.match(again, { status: 400, json: { error: 'This email has an account already.' } })
  t.equal((await phone().login(ANN)).status, 200)

  const racing = Array.from({ length: 50 }, (_, n) => {
    const email = n % 2 === 0 ? 'race@example.org' : 'Race@Example.ORG'
    return phone().signup({ email, password: `password ${n}` })
  })
  const statuses = (await Promise.all(racing)).map(({ status }) => status).sort()
  t.strictSame(statuses, [201, ...Array.from({ length: 49 }, () => 400)])
  t.match(await accountDoc('race@example.org'), { _rev: /^1-/ })
  t.equal((await admin.get('/_users')).json.doc_del_count, 0)
})

t.test('a wrong login is 401 in the same words, whatever is wrong; one that is none is 400', async t => {
  const wrong = { status: 401, json: { error: 'The email or the password is wrong.' } }
  const { login } = phone()
  t.match(await login({ ...ANN, password: 'wrong one' }), wrong)
  t.match(await login({ ...ANN, email: 'nobody@example.org' }), wrong)
  t.match(await login({ email: 'no address', password: '' }), wrong)
  t.match(await login({ email: 'x'.repeat(5000), password: 'y'.repeat(5000) }), wrong)
  t.match(await login({ email: 'half\ud800', password: 'half\ud800' }), wrong)
  t.match(await login({ email: ANN.email }), { status: 400, json: { error: 'The password is missing.' } })
  t.match(await login('{"email":'), { status: 400 })
  t.match(await login({ ...ANN, more: 'x'.repeat(20_000) }), { status: 413, json: { error: /larger than/ } })
})

t.test('an account that an admin made, changed or deleted', async t => {
  const passwordHash = (await hash('from the portal', 4)).replace('$2b$', '$2a$')
  const userId = '0B1F6C1E-8D6A-4B0C-9C55-3B9C1D0E2F00'
  const path = '/_users/org.couchdb.user:old@example.org'
  const doc = {
    type: 'user',
    name: 'old@example.org',
    roles: [],
    email: 'old@example.org',
    userId,
    createdAt: 1,
  }
  const avatar = { _attachments: { a: { content_type: 'text/plain', data: 'aGVsbG8=' } } }
  const { rev } = (await admin.put(path, { ...doc, passwordHash, isPremium: true, more: 1, ...avatar })).json
  const login = () => phone().login({ email: 'old@example.org', password: 'from the portal' })
  const premium = { id: userId.toLowerCase(), email: 'old@example.org', displayName: null, isPremium: true }
  t.match(await login(), { status: 200, json: { user: premium } })
  t.match(await phone(server.bearer(userId)).me(), { status: 200, json: premium })

  const noted = await accountDoc('old@example.org')
  t.match(noted, { _rev: /^2-/, more: 1, _attachments: { a: { length: 5 } } }, 'a login keeps all it has')
  t.not(noted._rev, rev)
  const expired = await admin.put(path, { ...noted, subscriptionExpiresAt: Date.now() - 1 })
  t.match(await phone(server.bearer(userId)).me(), { json: { isPremium: false } }, 'a subscription ends')

  const subscriptionExpiresAt = '2999-01-01T00:00:00Z'
  const odd = await admin.put(path, { ...noted, _rev: expired.json.rev, subscriptionExpiresAt })
  t.match(await phone(server.bearer(userId)).me(), { json: { isPremium: false } }, 'an end that is no number')

  t.equal((await admin.delete(`${path}?rev=${odd.json.rev}`)).status, 200)
  t.equal((await login()).status, 401)
  t.match(await phone(server.bearer(userId)).me(), { status: 200, json: { email: '' } })
  t.equal((await phone().signup({ email: 'old@example.org', password: 'a new one' })).status, 201)

  await admin.put('/_users/org.couchdb.user:broken@example.org', {
    type: 'user',
    passwordHash,
    userId: 'none',
  })
  await admin.put('/_users/org.couchdb.user:bare@example.org', { ...doc, passwordHash: 'a hash' })
  for (const email of ['broken@example.org', 'bare@example.org'])
    t.equal((await phone().login({ email, password: 'from the portal' })).status, 401, email)
})

t.test('a token that was made elsewhere is as good, with or without an account', async t => {
  const id = '6f1c2a34-9d5b-4c1e-8a70-2f6f1e0b9a11'
  const unknown = { id, email: '', displayName: null, isPremium: false }
  t.strictSame((await phone(server.bearer(id)).me()).json, unknown)
  t.match(await phone(server.bearer('zoë')).me(), { status: 200, json: { id: 'zoë' } })
})

t.test('accounts are found by their user after a restart, and when two name one', async t => {
  const of = async (sub: string) => (await phone(server.bearer(sub)).me()).json
  const { userId } = await accountDoc('ann@example.org')
  t.match(await of(userId), { email: 'ann@example.org' })
  await server.restart()
  t.match(await of(userId), { email: 'ann@example.org' })
  const id = '0b1f6c1e-8d6a-4b0c-9c55-3b9c1d0e2f11'
  const path = (name: string) => `/_users/org.couchdb.user:${name}`
  const doc = (email: string) => ({ type: 'user', name: email, roles: [], email, userId: id, createdAt: 1 })
  const { rev } = (await admin.put(path('b@x.org'), doc('b@x.org'))).json
  const c = (await admin.put(path('c@x.org'), doc('c@x.org'))).json
  t.match(await of(id), { email: 'c@x.org' })
  await admin.put(path('b@x.org'), { ...doc('b@x.org'), _rev: rev })
  t.match(await of(id), { email: 'b@x.org' }, 'the one that was changed last')
  await admin.put(path('c@x.org'), { ...doc('c@x.org'), _rev: c.rev, userId })
  t.match(await of(userId), { email: 'c@x.org' })
})

t.test('accounts that are imported by the thousand are found at once', async t => {
  const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
  const docs = Array.from({ length: 1200 }, (_, n) => {
    const email = `user${n}@example.org`
    return {
      _id: `org.couchdb.user:${email}`,
      type: 'user',
      name: email,
      email,
      userId: idOf(n),
      createdAt: 1,
    }
  })
  t.equal((await admin.post('/_users/_bulk_docs', { docs })).status, 201)
  const asked = [0, 499, 500, 1199].map(async n => {
    t.match(await phone(server.bearer(idOf(n))).me(), {
      json: { id: idOf(n), email: `user${n}@example.org` },
    })
  })
  await Promise.all(asked)
  t.match(await phone(server.bearer(idOf(1200))).me(), { json: { email: '' } })
})

t.test('every error below /api is text for whoever reads it', async t => {
  const nobody = httpClient(server.url, '')
  const me = await fetch(`${server.url}/api/auth/me`)
  t.strictSame([me.status, await me.json()], [401, { error: 'Log in first.' }])
  t.strictSame((await nobody.get('/api/auth/login')).json, { error: 'Only POST allowed' })
  t.strictSame((await nobody.get('/api/nothing')).json, { error: 'There is nothing at this path.' })
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const sent = await nobody.send('POST', '/api/auth/login', { body: 'email=a', headers: form })
  t.strictSame([sent.status, sent.json], [415, { error: 'Content-Type must be application/json' }])
  t.match(await httpClient(server.url, 'Bearer old').get('/api/auth/me'), {
    status: 401,
    json: { error: 'Token is no JWT.' },
  })
  const old = { headers: { Authorization: 'Bearer old' }, body: ANN }
  t.equal((await nobody.send('POST', '/api/auth/login', old)).status, 200, 'an old token bars no login')
})
