import { createHmac } from 'node:crypto'
import { tmpdir } from 'node:os'
import jwt from 'jsonwebtoken'
import { pino } from 'pino'
import t from 'tap'
import { userDbName } from '../../../design-docs/user-db.ts'
import { hashPassword } from '../../../server/auth/password.ts'
import { createPasswordCheck } from '../../../server/auth/password-check.ts'
import { createSessionCookies } from '../../../server/auth/session-cookie.ts'
import { createSessions, type Sessions } from '../../../server/auth/sessions.ts'
import { ParseGate } from '../../../server/couch/parse-gate.ts'
import { couchRoutes } from '../../../server/couch/routes.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { ADMIN, JWT, type RunningServer, runningServer } from '../../fixtures/running-server.ts'
import { type Asker, EXPECTED, type Verdict } from './expected-access.ts'

/**
 * Walks every registered route with every kind of credentials, over real HTTP, and compares with
 * expected-access.ts. A route that is not in it fails.
 */

const OWNER = 'anna'
const STRANGER = 'bert'
const OWNERS_DB = userDbName(OWNER)
const SECRET_ID = 'session:secret'
const SECRET = 'nobody else reads this'

/** Requests that a route lets in and takes seriously, where an empty one would be refused before its own checks. */
const BODIES: Readonly<Record<string, string>> = {
  'PUT /:db/_design/:ddoc': '{"views":{}}',
  'PUT /:db/:doc': '{"a":1}',
  'PUT /:db/_local/:name': '{"a":1}',
  'POST /:db': '{"a":1}',
}

/** They are listed here, not called. */
const adminSessions: Sessions = createSessions(createSessionCookies('', []), createPasswordCheck([]))

const routes = (server: RunningServer) =>
  couchRoutes({
    store: server.store,
    limits: { maxDocumentBytes: 1, maxAttachmentBytes: 1 },
    uploadsFolder: tmpdir(),
    parseGate: new ParseGate(),
    version: '0',
    adminSessions,
    log: pino({ level: 'silent' }),
  }).map(({ method, path }) => ({ method, path, name: `${method} ${path}` }))

const pathOf = (path: string, db: string) =>
  path.replace(':db', db).replaceAll(/:\w+/g, 'some-name').replace(/\*\w+/, 'some/rest')

const claims = { sub: OWNER, iss: JWT.issuer, aud: JWT.audience }
const bearer = (payload: object, options: jwt.SignOptions = {}, secret: string = JWT.secret) => ({
  authorization: `Bearer ${jwt.sign(payload, secret, { expiresIn: 60, ...options })}`,
})
const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`${ADMIN.name}:${password}`).toString('base64')}`,
})

/** A token that says it needs no signature, with a right one all the same. */
function unsigned(): { authorization: string } {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 60
  const text = `${encode({ alg: 'none', typ: 'JWT' })}.${encode({ ...claims, exp })}`
  return {
    authorization: `Bearer ${text}.${createHmac('sha256', JWT.secret).update(text).digest('base64url')}`,
  }
}

const passwordHash = await hashPassword(ADMIN.password, { log2Rounds: 4, blockSize: 8, parallel: 1 })
const admins = [{ name: ADMIN.name, passwordHash }]

/** The cookie an admin got so many seconds ago. */
function session(secret: string = JWT.secret, age = 0): { cookie: string } {
  const cookies = createSessionCookies(secret, admins, () => Date.now() - age * 1000)
  return { cookie: cookies.issue(ADMIN.name, false).split(';', 1).join('') }
}

const ASKERS: Readonly<Record<Asker, Readonly<Record<string, string>>>> = {
  'no token': {},
  'own token': bearer(claims),
  'another user': bearer({ ...claims, sub: STRANGER }),
  expired: bearer(claims, { expiresIn: -10 }),
  HS512: bearer(claims, { algorithm: 'HS512' }),
  none: unsigned(),
  'wrong secret': bearer(claims, {}, 'a guess'),
  'wrong issuer': bearer({ ...claims, iss: 'somebody' }),
  'wrong audience': bearer({ ...claims, aud: 'somebody' }),
  'no sub': bearer({ iss: JWT.issuer, aud: JWT.audience }),
  'admin, wrong password': basic('guess'),
  admin: basic(ADMIN.password),
  session: session(),
  'session that ran out': session(JWT.secret, 601),
  'forged session': session('a guess'),
  'session, another origin': { ...session(), origin: 'https://evil.example' },
}
const askers = Object.keys(ASKERS) as Asker[]

function verdictOf(status: number): Verdict | number {
  return status === 401 || status === 403 || status >= 500 ? status : 'in'
}

/** The owner's database, with a document to hide in it. */
async function withSecret(server: RunningServer): Promise<void> {
  await server.store.createDatabase(OWNERS_DB)
  await server.store
    .database(OWNERS_DB)
    ?.write([{ kind: 'interactive', id: SECRET_ID, deleted: false, body: JSON.stringify({ text: SECRET }) }])
}

const server = await runningServer(t, { admins })

t.test('every route, with every kind of credentials', async t => {
  await withSecret(server)
  const all = routes(server)
  t.strictSame(
    all.map(({ name }) => name).filter(name => EXPECTED[name] === undefined),
    [],
    'no route is missing in the table of this test',
  )
  const known = new Set(all.map(({ name }) => name))
  t.strictSame(
    Object.keys(EXPECTED).filter(name => !known.has(name)),
    [],
    'nothing in the table is gone',
  )

  for (const { method, path, name } of all) {
    const seen: Partial<Record<Asker, Verdict | number>> = {}
    for (const asker of askers) {
      await server.store.createDatabase(OWNERS_DB)
      const headers = { ...ASKERS[asker], 'content-type': 'application/json' }
      const answer = await rawRequest(server.url, pathOf(path, OWNERS_DB), {
        method,
        headers,
        body: method === 'GET' || method === 'DELETE' ? undefined : (BODIES[name] ?? '{}'),
      })
      seen[asker] = verdictOf(answer.status)
      if (answer.status === 405) seen[asker] = 405
      if (EXPECTED[name]?.[asker] !== 'in') t.notMatch(answer.body, SECRET, `${name}: ${asker}`)
    }
    t.strictSame(seen, EXPECTED[name], name)
  }
})

t.test('`me` is the caller’s own database on every route, and nobody else’s', async t => {
  await withSecret(server)
  for (const { method, path, name } of routes(server).filter(({ path }) => path.includes(':db'))) {
    for (const asker of askers.filter(asker => asker !== 'admin' && asker !== 'session')) {
      const mine = asker === 'another user' || asker === 'own token' ? EXPECTED[name]?.['own token'] : 401
      const headers = { ...ASKERS[asker], 'content-type': 'application/json' }
      const body = method === 'GET' || method === 'DELETE' ? undefined : (BODIES[name] ?? '{}')
      const answer = await rawRequest(server.url, pathOf(path, 'me'), { method, headers, body })
      t.equal(verdictOf(answer.status), mine, `${name} at me: ${asker}`)
      if (asker !== 'own token') t.notMatch(answer.body, SECRET, `${name} at me: ${asker}`)
    }
  }
})

t.test('a method that a path does not have is told only to those who may come in', async t => {
  for (const path of new Set(routes(server).map(({ path }) => path))) {
    const known = routes(server).filter(route => route.path === path)
    const isOpen = known.some(({ name }) => EXPECTED[name]?.['no token'] === 'in')
    const status = async (asker: Asker, method: string) =>
      (await rawRequest(server.url, pathOf(path, OWNERS_DB), { method, headers: ASKERS[asker] })).status
    for (const method of ['PATCH', 'COPY']) {
      t.equal(await status('admin', method), 405, `${method} ${path}`)
      t.equal(await status('no token', method), isOpen ? 405 : 401, `${method} ${path} without a token`)
      t.equal((await status('another user', method)) === 405, isOpen, `${method} ${path} for another user`)
    }
  }
})

/** Ways to write a path that some servers read in another way than their checks did. */
const TRICKS: readonly string[] = [
  `//${OWNERS_DB}`,
  `//${OWNERS_DB}/_all_docs`,
  `/./${OWNERS_DB}/_all_docs`,
  `/x/../${OWNERS_DB}/_all_docs`,
  `/me/../${OWNERS_DB}/_all_docs`,
  `/me/..%2F${OWNERS_DB}/${SECRET_ID}`,
  `/me%2F..%2F${OWNERS_DB}/_all_docs`,
  `/me/%2e%2e/${OWNERS_DB}/_all_docs`,
  `/me;/../${OWNERS_DB}/_all_docs`,
  `/_up/../${OWNERS_DB}/_all_docs`,
  `/_up/${OWNERS_DB}`,
  `/_session/${OWNERS_DB}/_all_docs`,
  `/${OWNERS_DB}%00/_all_docs?include_docs=true`,
  `/${OWNERS_DB}%2F_all_docs`,
  `/${OWNERS_DB}%2f${SECRET_ID}`,
  `/${OWNERS_DB}%20/_all_docs?include_docs=true`,
  `/%75${OWNERS_DB.slice(1)}/_all_docs?include_docs=true`,
  `/${OWNERS_DB.toUpperCase()}/_all_docs?include_docs=true`,
  `/${OWNERS_DB}/_ALL_DOCS?include_docs=true`,
  `/${OWNERS_DB}\\_all_docs`,
  `/${OWNERS_DB}/${SECRET_ID}/`,
  `/${OWNERS_DB}/${encodeURIComponent(SECRET_ID)}?open_revs=all`,
  `/${OWNERS_DB}-metrics/_all_docs`,
  `/${OWNERS_DB}-session/_all_docs?include_docs=true`,
  `/_users/_all_docs?include_docs=true`,
  `http://localhost/${OWNERS_DB}/_all_docs?include_docs=true`,
  `/${OWNERS_DB}/_all_docs?include_docs=true&access_token=x&method=GET`,
]

/** Paths that nothing answers, some of which another server would. */
const UNREGISTERED: readonly string[] = [
  '/_utils',
  '/_config',
  '/_node/_local/_config',
  '/_membership',
  '/_stats',
  '/_replicate',
  '/_replicator/_all_docs',
  '/_scheduler/jobs',
  '/api',
  '/api/sync',
  '/.env',
  '/package.json',
  '/constructor',
  '/__proto__',
  `/${OWNERS_DB}/_find`,
  `/${OWNERS_DB}/_explain`,
  `/${OWNERS_DB}/_no_such_endpoint`,
  `/${OWNERS_DB}/_no/such/endpoint`,
]

t.test('a path that is not registered, or written strangely, is never open', async t => {
  const server = await runningServer(t, { admins })
  await withSecret(server)
  const strangers: readonly Asker[] = [
    'no token',
    'another user',
    'expired',
    'none',
    'admin, wrong password',
    'session, another origin',
  ]
  for (const path of [...TRICKS, ...UNREGISTERED]) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      for (const asker of strangers) {
        const headers = { ...ASKERS[asker], 'content-type': 'application/json' }
        const answer = await rawRequest(server.url, path, { method, headers, body: '{}' })
        // Below `me` a user may write what he likes: `..` is a document's name there.
        const isHisOwn = asker === 'another user' && path.startsWith('/me/')
        const isRefused = isHisOwn || (answer.status >= 400 && answer.status < 500)
        if (!isRefused || answer.body.includes(SECRET))
          t.fail(`${method} ${path}: ${asker}`, { status: answer.status, body: answer.body })
      }
    }
  }
  t.equal(server.store.database(OWNERS_DB)?.facts().docCount, 1, 'the document is still there, and alone')
  t.strictSame(
    server.store.databaseNames({ limit: 10 }).filter(name => name !== userDbName(STRANGER)),
    ['_users', OWNERS_DB],
    'and nothing was made',
  )
})

t.test('an unregistered path is 401 to strangers, 403 to users, 404 to admins', async t => {
  for (const path of ['/api/sync', '/_node/_local/_config', '/_utils/index.html']) {
    const status = async (asker: Asker) =>
      (await rawRequest(server.url, path, { headers: ASKERS[asker] })).status
    t.equal(await status('no token'), 401)
    t.equal(await status('expired'), 401)
    t.equal(await status('own token'), 403)
    t.equal(await status('admin'), 404)
  }
})
