import t from 'tap'
import { userDbName } from '../../../design-docs/user-db.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { ADMIN, runningServer } from '../../fixtures/running-server.ts'

/** RxDB sends the first, PouchDB the second. */
const ANYTHING = { accept: '*/*' }
const JSON_ONLY = { accept: 'application/json' }

const wrongPassword = `Basic ${Buffer.from(`${ADMIN.name}:guess`).toString('base64')}`

const server = await runningServer(t)
const expired = `Bearer ${server.token('anna', -10)}`

t.test('an error of _changes has a body only for a client that takes JSON: RxDB would die of it', async t => {
  const anna = server.bearer('anna')
  const cases = [
    { status: 401, path: '/me/_changes', authorization: expired },
    { status: 401, path: '/recipes/_changes', authorization: wrongPassword },
    { status: 403, path: `/${userDbName('bert')}/_changes`, authorization: anna },
    { status: 404, path: '/recipes/_changes', authorization: server.basic },
    { status: 400, path: '/me/_changes?limit=x', authorization: anna },
    { status: 400, path: '/me/_changes/?heartbeat=x', authorization: anna },
  ]
  for (const { status, path, authorization } of cases) {
    const what = `${status} of ${path}`
    const rxdb = await rawRequest(server.url, path, { headers: { ...ANYTHING, authorization } })
    t.match(rxdb, { status, body: '', headers: { 'content-type': undefined } }, what)
    const bare = await rawRequest(server.url, path, { headers: { authorization } })
    t.match(bare, { status, body: '' }, `${what}, without Accept`)
    if (status === 401 && path.startsWith('/me')) continue
    const pouch = await rawRequest(server.url, path, { headers: { ...JSON_ONLY, authorization } })
    t.match(pouch, { status, body: /"error":/ }, `${what}, with a body`)
  }
})

t.test(
  'a phone’s 401 under a user database is empty: PouchDB tries again, a body would end it for good',
  async t => {
    const paths = ['/me', '/me/', '/me-metrics/_bulk_get', '/me/_local/x', `/${userDbName('anna')}/_changes`]
    for (const path of [...paths, '/%6de', '/me/doc/photo.jpg']) {
      for (const authorization of [expired, 'Bearer x', undefined]) {
        const headers = authorization === undefined ? JSON_ONLY : { ...JSON_ONLY, authorization }
        const answer = await rawRequest(server.url, path, { headers })
        t.match(answer, { status: 401, body: '', headers: { 'www-authenticate': undefined } }, path)
      }
    }
  },
)

t.test('who tries a password is told, and so is everybody elsewhere', async t => {
  const basic = { headers: { authorization: wrongPassword } }
  t.match(await rawRequest(server.url, '/me', basic), {
    status: 401,
    body: /"unauthorized","reason":"Name or password is incorrect\."/,
    headers: { 'www-authenticate': /Basic/ },
  })
  t.match(await rawRequest(server.url, '/_all_dbs'), {
    status: 401,
    body: /"unauthorized"/,
    headers: { 'www-authenticate': undefined },
  })
  const stale = { headers: { authorization: expired } }
  t.match(await rawRequest(server.url, '/_all_dbs', stale), { status: 401, body: /expired/ })
})

t.test('a token that runs out ends its live feed in order; the next request meets an empty 401', async t => {
  const authorization = `Bearer ${server.token('anna', 2)}`
  const headers = { ...JSON_ONLY, authorization }
  await rawRequest(server.url, '/me', { headers })
  const { last_seq: since } = JSON.parse((await rawRequest(server.url, '/me/_changes', { headers })).body)
  const start = Date.now()
  const feed = (kind: string) =>
    rawRequest(server.url, `/me/_changes?feed=${kind}&since=${since}&heartbeat=10000`, { headers })
  const [longpoll, continuous] = await Promise.all([feed('longpoll'), feed('continuous')])
  t.ok(Date.now() - start < 5_000)
  t.match(longpoll, { status: 200, isWhole: true })
  t.match(JSON.parse(longpoll.body), { results: [], last_seq: since, pending: 0 })
  t.match(continuous, { status: 200, isWhole: true })
  t.match(JSON.parse(continuous.body), { last_seq: since, pending: 0 })
  await eventually(
    async () => (await rawRequest(server.url, '/me', { headers })).status === 401,
    'it ran out',
  )
  t.match(await feed('longpoll'), { status: 401, body: '' })
})
