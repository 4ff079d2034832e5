import t from 'tap'
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
