import t from 'tap'
import { userDbName } from '../../../design-docs/user-db.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { ADMIN, runningServer } from '../../fixtures/running-server.ts'

const server = await runningServer(t)

t.test('GET / has a uuid that outlives a restart, and answers also a token that ran out', async t => {
  const welcome = async (headers = {}) => JSON.parse((await rawRequest(server.url, '/', { headers })).body)
  const first = await welcome()
  t.match(first, {
    couchdb: 'Welcome',
    version: /^3\.\d+\.\d+$/,
    uuid: /^[0-9a-f]{32}$/,
    vendor: { name: 'Divan', version: /^\d+\.\d+\.\d+/ },
  })
  t.ok(Array.isArray(first.features))
  await server.restart()
  t.strictSame(await welcome(), first)
  t.strictSame(await welcome({ authorization: `Bearer ${server.token('anna', -10)}` }), first)
})

t.test(
  'GET / tells a user another uuid once his database was made anew, and the same after a restart',
  async t => {
    const uuid = async (authorization?: string): Promise<string> => {
      const headers = authorization === undefined ? {} : { authorization }
      const { status, body } = await rawRequest(server.url, '/', { headers })
      t.equal(status, 200)
      return JSON.parse(body).uuid
    }
    const admin = httpClient(server.url, server.basic)
    const plain = await uuid()
    const token = server.bearer('berta')
    t.equal(await uuid(token), plain, 'he has no database yet')
    await httpClient(`${server.url}/me`, token).get('')
    const hers = await uuid(token)
    t.match(hers, /^[0-9a-f]{32}$/)
    t.not(hers, plain)
    t.equal(await uuid(server.bearer('anna')), plain, 'others are told what they were told')
    await httpClient(`${server.url}/me`, token).put('/a', {})
    await server.restart()
    await httpClient(`${server.url}/me`, token).put('/b', {})
    t.equal(await uuid(token), hers)

    await admin.delete(`/${userDbName('berta')}`)
    t.equal(await uuid(token), plain)
    await httpClient(`${server.url}/me`, token).get('')
    t.notOk([plain, hers].includes(await uuid(token)))

    for (const authorization of [
      `Bearer ${server.token('berta', -10)}`,
      'Bearer nonsense',
      'Bearer',
      'Basic eDp5',
      'Digest x',
      server.basic,
    ]) {
      t.equal(await uuid(authorization), plain, `${authorization.slice(0, 9)}… is as good as none`)
    }
  },
)

t.test('GET / tells all another uuid once the store is known to have gone back in time', async t => {
  const uuid = async () => JSON.parse((await rawRequest(server.url, '/')).body).uuid
  const admin = httpClient(server.url, server.basic)
  await server.restart()
  const before = await uuid()
  await admin.get('/_users/_changes?since=9-unknown')
  t.equal(await uuid(), before, 'not for what one database’s readers show')
  await admin.get('/_db_updates?since=9-unknown')
  const after = await uuid()
  t.not(after, before)
  await admin.get('/_db_updates?since=9-unknown')
  t.equal(await uuid(), after, 'once in a run')
  await server.restart()
  t.equal(await uuid(), after)
})

t.test('_up says so to anyone, _uuids gives as many as are asked for', async t => {
  const { url } = server
  t.match(await rawRequest(url, '/_up'), { status: 200, body: /"status":"ok"/ })
  const uuids = async (query: string) => rawRequest(url, `/_uuids${query}`)
  const one = await uuids('')
  t.match(JSON.parse(one.body).uuids, [/^[0-9a-f]{32}$/])
  t.match(one.headers['cache-control'], /no-cache/)
  t.equal(new Set(JSON.parse((await uuids('?count=1000')).body).uuids).size, 1000)
  t.strictSame(JSON.parse((await uuids('?count=0')).body).uuids, [])
  t.match(await uuids('?count=1001'), { status: 400, body: /count/ })
  t.match(await uuids('?count=x'), { status: 400, body: /"query_parse_error".*\\"count\\"/ })
})

t.test('_session says who is asking', async t => {
  const session = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization }
    return JSON.parse((await rawRequest(server.url, '/_session', { headers })).body)
  }
  t.match(await session(), {
    ok: true,
    userCtx: { name: null, roles: [] },
    info: { authenticated: undefined },
  })
  t.match(await session(server.bearer('anna')), {
    userCtx: { name: 'anna', roles: [] },
    info: { authenticated: 'jwt' },
  })
  t.match(await session(server.basic), {
    userCtx: { name: ADMIN.name, roles: ['_admin'] },
    info: { authenticated: 'default' },
  })
})
