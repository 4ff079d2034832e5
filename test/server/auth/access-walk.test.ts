import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { metricsDbName, userDbName } from '../../../design-docs/user-db.ts'
import { allRoutes } from '../../fixtures/all-routes.ts'
import { type RawAnswer, rawRequest } from '../../fixtures/raw-request.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { runningServer } from '../../fixtures/running-server.ts'
import { ADMINS, ASKERS, type Asker, askerNamed, bearerOf, EVERYWHERE, OWNER, STRANGER } from './askers.ts'
import { EXPECTED, type Row, UNKNOWN, type Verdict } from './expected-access.ts'
import { namesOfOthers, strangePaths, unregisteredPaths } from './strange-paths.ts'

/**
 * Walks every registered route and method with every kind of credentials, over real HTTP, and compares status, body
 * and headers of each refusal with expected-access.ts. A route that is not in it fails.
 */

const OWNERS_DB = userDbName(OWNER)
const SECRET_ID = 'session:secret'
const SECRET = 'nobody else reads this'
const RXDB = '*/*'
const POUCHDB = 'application/json'

/** Requests that a route lets in and takes seriously, where an empty one would be refused before its own checks. */
const BODIES: Readonly<Record<string, string>> = {
  'PUT /:db/_design/:ddoc': '{"views":{}}',
  'PUT /:db/:doc': '{"a":1}',
  'PUT /:db/_local/:name': '{"a":1}',
  'POST /:db': '{"a":1}',
}

type Walked = { readonly method: string; readonly path: string; readonly name: string }

const server = await runningServer(t, { admins: ADMINS })

const ALL_ROUTES: readonly Walked[] = allRoutes(server.store).map(({ method, path }) => ({
  method,
  path,
  name: `${method} ${path}`,
}))
/** One that the table does not know fails once, by name. */
const ROUTES = ALL_ROUTES.filter(({ name }) => EXPECTED[name] !== undefined)
const DATABASE_ROUTES = ROUTES.filter(({ path }) => path.includes(':db'))
const PATHS = [...new Set(ROUTES.map(({ path }) => path))]

const pathOf = (path: string, db: string) =>
  path.replace(':db', db).replaceAll(/:\w+/g, 'some-name').replace(/\*\w+/, 'some/rest')

function send(asker: Asker, method: string, path: string, options: { accept?: string; body?: string } = {}) {
  const query = asker.query === undefined ? '' : `${path.includes('?') ? '&' : '?'}${asker.query}`
  const { accept = POUCHDB, body } = options
  const headers = { accept, 'content-type': 'application/json', ...asker.headers }
  return rawRequest(server.url, `${path}${query}`, { method, headers, body })
}

const bodyOf = (method: string, name: string) =>
  ['GET', 'HEAD', 'DELETE', 'TRACE'].includes(method) ? undefined : (BODIES[name] ?? '{}')

/** What a client sees of an answer that refuses it. */
const seen = ({ status, body, headers }: RawAnswer) => ({
  status,
  body,
  type: headers['content-type'],
  length: headers['content-length'],
  asks: headers['www-authenticate'],
})
type Seen = ReturnType<typeof seen>

/** A refusal as it has to be: in full where a person or PouchDB reads it, bare where it would end a client for good. */
function refusal(
  status: 401 | 403,
  row: Row,
  asker: Asker,
  request: { method: string; path: string; accept: string },
): Seen {
  const asks = status === 401 && asker.standing === 'bad password' ? 'Basic realm="Divan"' : undefined
  const [, first = ''] = request.path.split('/', 2)
  const isPhone = /^(me$|me-|userdb-)/.test(decodeURIComponent(first)) && asker.standing !== 'bad password'
  const isBare = (status === 401 && isPhone) || (/\/_changes$/.test(request.path) && request.accept === RXDB)
  if (isBare)
    return { status, body: '', type: undefined, length: request.method === 'HEAD' ? undefined : '0', asks }
  const forbidden = asker.standing === 'owner' ? (row.forbiddenToOwner ?? row.forbidden) : row.forbidden
  const reason = status === 403 ? forbidden : (asker.reason ?? row.unauthorized)
  const error = status === 403 ? 'forbidden' : 'unauthorized'
  const told = first === 'api' ? { error: reason } : { error, reason }
  const body = `${JSON.stringify(told)}\n`
  const length = String(Buffer.byteLength(body))
  return { status, body: request.method === 'HEAD' ? '' : body, type: 'application/json', length, asks }
}

let turn = 0

/** As both clients say it where it makes a difference, else in turns. */
function acceptsFor(path: string, verdict: Verdict): readonly string[] {
  if (verdict === 'in') return [POUCHDB]
  if (path.endsWith('/_changes')) return [POUCHDB, RXDB]
  return [turn++ % 2 === 0 ? POUCHDB : RXDB]
}

/** Sends it as PouchDB and as RxDB would. Returns what is wrong with the answers, for a list that has to be empty. */
async function wrongs(
  asker: Asker,
  method: string,
  path: string,
  row: Row,
  name: string,
): Promise<unknown[]> {
  const verdict: Verdict = row[asker.standing]
  const found: unknown[] = []
  for (const accept of acceptsFor(path, verdict)) {
    const answer = await send(asker, method, path, { accept, ...optional(bodyOf(method, name)) })
    const about = { request: `${method} ${path}`, asker: asker.name, accept, verdict }
    if (verdict === 'in') {
      const isIn = answer.status !== 401 && answer.status !== 403 && answer.status < 500
      if (!isIn) found.push({ ...about, status: answer.status, body: answer.body })
    } else {
      const expected = refusal(verdict, row, asker, { method, path, accept })
      if (JSON.stringify(seen(answer)) !== JSON.stringify(expected))
        found.push({ ...about, expected, ...seen(answer) })
    }
  }
  return found
}

const told = (forbidden: string | undefined) => (forbidden === undefined ? {} : { forbidden })
const optional = (body: string | undefined) => (body === undefined ? {} : { body })

/** The owner's database, with a document to hide in it. */
async function withSecret(): Promise<void> {
  await server.store.deleteDatabase(OWNERS_DB)
  await server.store.createDatabase(OWNERS_DB)
  await server.store
    .database(OWNERS_DB)
    ?.write([{ kind: 'interactive', id: SECRET_ID, deleted: false, body: JSON.stringify({ text: SECRET }) }])
}

t.test('the table of this test knows every route, and no other', async t => {
  t.strictSame(
    ALL_ROUTES.map(({ name }) => name).filter(name => EXPECTED[name] === undefined),
    [],
    'no route is missing',
  )
  const known = new Set(ALL_ROUTES.map(({ name }) => name))
  t.strictSame(
    Object.keys(EXPECTED).filter(name => !known.has(name)),
    [],
    'nothing is gone',
  )
})

t.test('every route, with every kind of credentials: status, body and headers', async t => {
  await withSecret()
  let asked = 0
  const found: unknown[] = []
  const turns = rounds(6, 1)
  for (const [i, { method, path, name }] of ROUTES.entries()) {
    const row = EXPECTED[name] ?? UNKNOWN
    for (const [j, asker] of ASKERS.entries()) {
      if (!EVERYWHERE.has(asker.name) && (i + j) % turns !== 0) continue
      if (row[asker.standing] === 'in') await server.store.createDatabase(OWNERS_DB)
      found.push(...(await wrongs(asker, method, pathOf(path, OWNERS_DB), row, name)))
      asked++
    }
  }
  t.strictSame(found.slice(0, 5), [], `${found.length} of ${asked} are wrong`)
})

/** One of each standing is enough where the credentials themselves were looked at above. */
const SOME = [
  'no token',
  'own token',
  'another user',
  'expired',
  'alg none',
  'admin, wrong password',
  'session',
].map(askerNamed)

t.test('`me`, and one type of it, is the caller’s own on every route, and nobody else’s', async t => {
  await withSecret()
  const found: unknown[] = []
  for (const [me, { method, path, name }] of ['me', 'me-session', 'me-no-such-type'].flatMap(me =>
    DATABASE_ROUTES.map(route => [me, route] as const),
  )) {
    const row = EXPECTED[name] ?? UNKNOWN
    // A stranger is the owner of his own; an admin has none.
    const here: Row = { ...row, stranger: row.owner, ...told(row.forbiddenToOwner) }
    for (const asker of SOME.filter(({ standing }) => standing !== 'admin')) {
      // What no type is called is not there, whatever one would do with it.
      const isOwners = row.owner === 'in' || row.forbiddenToOwner !== undefined
      const isMissing = me === 'me-no-such-type' && here[asker.standing] !== 401 && isOwners
      if (!isMissing) found.push(...(await wrongs(asker, method, pathOf(path, me), here, name)))
      if (asker.standing !== 'stranger') continue
      const { status, body } = await send(asker, method, pathOf(path, me), optional(bodyOf(method, name)))
      if (body.includes(SECRET)) found.push(`${name} at ${me} shows the secret to ${asker.name}`)
      if (isMissing && status !== 404) found.push(`${name} at ${me}: ${status}`)
    }
  }
  t.strictSame(found.slice(0, 5), [], `${found.length} are wrong`)
})

t.test('a method that a path does not have is told only to those who may come in', async t => {
  await withSecret()
  const found: unknown[] = []
  for (const path of PATHS) {
    const rows = ROUTES.filter(route => route.path === path).map(({ name }) => EXPECTED[name] ?? UNKNOWN)
    const has = new Set(ROUTES.filter(route => route.path === path).map(({ method }) => method))
    if (has.has('GET')) has.add('HEAD')
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'COPY', 'TRACE', 'PROPFIND']) {
      if (has.has(method as Walked['method'])) continue
      for (const asker of SOME) {
        const answer = await send(asker, method, pathOf(path, OWNERS_DB))
        const allowed = rows.map(row => {
          const verdict = row[asker.standing]
          if (verdict === 'in') return 405
          return JSON.stringify(
            refusal(verdict, row, asker, { method, path: pathOf(path, OWNERS_DB), accept: POUCHDB }),
          )
        })
        const isFine = allowed.includes(answer.status === 405 ? 405 : JSON.stringify(seen(answer)))
        const { allow } = answer.headers
        const names = allow?.split(',').sort().join()
        if (!isFine || (answer.status === 405) !== (names === [...has].sort().join()))
          found.push({ request: `${method} ${path}`, asker: asker.name, allow, ...seen(answer) })
      }
    }
  }
  t.strictSame(found.slice(0, 5), [], `${found.length} are wrong`)
})

t.test('HEAD is GET without its body, also when it refuses', async t => {
  await withSecret()
  const found: unknown[] = []
  for (const { path } of ROUTES.filter(({ method, path }) => method === 'GET' && path !== '/_uuids')) {
    for (const asker of SOME) {
      const [head, get] = [
        await send(asker, 'HEAD', pathOf(path, OWNERS_DB)),
        await send(asker, 'GET', pathOf(path, OWNERS_DB)),
      ]
      const isSame = head.status === get.status && head.body === '' && seen(head).type === seen(get).type
      const isSameLength = get.status < 300 || (seen(head).length ?? '0') === (seen(get).length ?? '0')
      if (!isSame || !isSameLength) found.push({ path, asker: asker.name, head: seen(head), get: seen(get) })
    }
  }
  t.strictSame(found.slice(0, 5), [], `${found.length} are wrong`)
})

t.test('OPTIONS tells everyone the same, and methods that HTTP does not know are no requests', async t => {
  for (const path of [...PATHS.map(path => pathOf(path, OWNERS_DB)), '/_utils']) {
    const [nobody, admin] = [
      await send(askerNamed('no token'), 'OPTIONS', path),
      await send(askerNamed('admin'), 'OPTIONS', path),
    ]
    t.match(nobody, { status: 204, body: '' })
    t.strictSame(seen(nobody), seen(admin))
  }
  for (const line of [
    `BREW /${OWNERS_DB}/_all_docs HTTP/1.1`,
    `CONNECT /${OWNERS_DB} HTTP/1.1`,
    `get /me HTTP/1.1`,
  ]) {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', chunk => {
      text += chunk
    })
    socket.on('error', () => {})
    socket.write(`${line}\r\nHost: x\r\n\r\n`)
    await once(socket, 'close')
    t.match(text, /^(HTTP\/1\.1 40[05] |$)/, line)
  }
})

t.test(
  'whatever a database of another is called, it is refused, there or not, in the same words',
  async t => {
    await withSecret()
    await server.store.createDatabase('recipes')
    await server.store.createDatabase(metricsDbName(OWNER))
    // Nothing of the store is asked before the refusal, so neither its words nor its time can tell.
    const { store } = server
    const { database } = store
    let looks = 0
    store.database = name => {
      looks++
      return database.call(store, name)
    }
    const found: unknown[] = []
    for (const db of namesOfOthers(OWNER)) {
      for (const name of ['no token', 'another user', 'a user named _admin', 'expired'].map(askerNamed)) {
        for (const route of db === OWNERS_DB
          ? []
          : DATABASE_ROUTES.filter(({ method }, i) => method === 'GET' || i % 4 === 0)) {
          const row = EXPECTED[route.name] ?? UNKNOWN
          found.push(...(await wrongs(name, route.method, pathOf(route.path, db), row, route.name)))
        }
      }
    }
    store.database = database
    t.strictSame(found.slice(0, 5), [], `${found.length} are wrong`)
    t.equal(looks, 0)
    t.strictSame(
      server.store.databaseNames({ limit: 20 }).filter(name => !name.startsWith('userdb-')),
      ['_users', 'recipes'],
    )
  },
)

t.test('a UUID is one user in either case, and so is his database', async t => {
  const uuid = '6f1c2a34-9d5b-4c1e-8a70-2f6f1e0b9a11'
  const upper = { ...askerNamed('own token'), headers: bearerOf(uuid.toUpperCase()) }
  const lower = { ...askerNamed('own token'), headers: bearerOf(uuid) }
  t.equal((await send(upper, 'PUT', '/me/x', { body: '{}' })).status, 201)
  t.equal((await send(lower, 'GET', `/${userDbName(uuid)}/x`)).status, 200)
  t.equal((await send(upper, 'GET', `/${userDbName(uuid)}/x`)).status, 200)
  t.equal((await send(upper, 'GET', `/${userDbName(uuid.toUpperCase())}/x`)).status, 403)
})

t.test('a path that is not registered, or written strangely, is never open', async t => {
  await withSecret()
  const before = server.store.databaseNames({ limit: 100 })
  const strangers = [
    'no token',
    'another user',
    'expired',
    'alg none',
    'admin, wrong password',
    'session, another origin',
  ].map(askerNamed)
  const found: unknown[] = []
  for (const path of [...strangePaths(OWNERS_DB, SECRET_ID), ...unregisteredPaths(OWNERS_DB)]) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      for (const asker of strangers) {
        const answer = await send(asker, method, path, optional(bodyOf(method, '')))
        // Below `me` a user may write what he likes: `..` is a document's name there.
        const isHisOwn = asker.standing === 'stranger' && /^\/me[/?]/.test(path)
        const isRefused = isHisOwn || (answer.status >= 400 && answer.status < 500)
        if (!isRefused || answer.body.includes(SECRET))
          found.push({ request: `${method} ${path}`, asker: asker.name, ...seen(answer) })
      }
    }
  }
  t.strictSame(found.slice(0, 5), [], `${found.length} are wrong`)
  t.equal(server.store.database(OWNERS_DB)?.facts().docCount, 1, 'the document is still there, and alone')
  const own = [userDbName(STRANGER)]
  t.strictSame(
    server.store.databaseNames({ limit: 100 }).filter(name => !own.includes(name)),
    before.filter(name => !own.includes(name)),
    'and nothing was made',
  )
})

t.test('below /api what is no route is not there, whoever asks, in the form of its clients', async t => {
  for (const path of ['/api', '/api/', '/api/sync', '/api/_all_docs', '/api/_changes', '/api/auth/me/x'])
    for (const method of ['GET', 'POST', 'DELETE', 'PATCH'])
      for (const asker of SOME) {
        const { status, body } = await send(asker, method, path, optional(bodyOf(method, '')))
        const isFine = status === 404 && body === '{"error":"There is nothing at this path."}\n'
        if (!isFine) t.fail(`${method} ${path}, ${asker.name}: ${status} ${body}`)
      }
})

/** What is no route of its own is a document of some database, as far as anybody is told who is no admin. */
const UNREGISTERED: Row = { ...(EXPECTED['GET /:db'] ?? UNKNOWN), owner: 403 }

t.test('an unregistered path is 401 to nobody, 403 to users, 404 to admins', async t => {
  const found: unknown[] = []
  for (const path of unregisteredPaths('recipes').filter(path => !path.startsWith('/recipes')))
    for (const method of ['GET', 'HEAD', 'POST', 'PATCH', 'TRACE'])
      for (const asker of SOME) {
        if (asker.standing !== 'admin') found.push(...(await wrongs(asker, method, path, UNREGISTERED, '')))
        else if (![404, 405].includes((await send(asker, method, path, optional(bodyOf(method, '')))).status))
          found.push({ method, path })
      }
  t.strictSame(found.slice(0, 5), [], `${found.length} are wrong`)
})
