import t from 'tap'
import type { Route } from '../../../server/http/route.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { shellServer } from '../../fixtures/shell-server.ts'

const routes: readonly Route[] = [
  { method: 'GET', path: '/', access: 'public', handle: () => ({ json: {} }) },
]
const PREFLIGHT = {
  method: 'OPTIONS',
  headers: {
    origin: 'https://app.example',
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'authorization,content-type',
  },
}
/** An `authenticate` that fails the test's request: nothing may ask who is there. */
const nobody = { authenticate: () => Promise.reject(new Error('asked who is there')) }

t.test('a preflight is answered without a token, for every path, and kept for a day', async t => {
  const { url } = await shellServer(t, routes, nobody)
  for (const path of ['/', '/me/_changes', '/no/such/path']) {
    const { status, headers } = await rawRequest(url, path, PREFLIGHT)
    t.equal(status, 204)
    t.equal(headers['access-control-allow-origin'], '*')
    t.equal(headers['access-control-max-age'], '86400')
    t.match(headers['access-control-allow-methods'], /GET.*PUT.*DELETE/)
    t.match(headers['access-control-allow-headers'], /Authorization.*Content-Type/)
    t.equal(headers['access-control-allow-credentials'], undefined)
  }
})

t.test('answers and errors may be read by the page', async t => {
  const { url } = await shellServer(t, routes)
  for (const path of ['/', '/nothing']) {
    const { headers } = await rawRequest(url, path, { headers: { origin: 'https://app.example' } })
    t.equal(headers['access-control-allow-origin'], '*')
    t.match(headers['access-control-expose-headers'], /ETag.*Location.*Retry-After.*X-Request-Id/)
  }
})

t.test('a page may read what the protocol says in headers', async t => {
  const { url } = await shellServer(t, routes)
  const { headers } = await rawRequest(url, '/', { headers: { origin: 'https://app.example' } })
  const exposed = String(headers['access-control-expose-headers']).split(',')
  for (const name of ['ETag', 'X-Request-Id', 'Retry-After', 'Content-Range', 'Accept-Ranges', 'Location'])
    t.ok(exposed.includes(name), name)
  t.notOk(exposed.includes('Set-Cookie'))
})

t.test('with a list of origins, no other one is let in, and caches keep the answers apart', async t => {
  const { url } = await shellServer(t, routes, {
    corsOrigins: ['https://app.example', 'http://localhost:3000'],
  })
  const answer = async (origin: string, options = {}) => {
    const { headers } = await rawRequest(url, '/', { headers: { origin }, ...options })
    t.match(headers.vary, /Origin/)
    t.equal(headers['access-control-allow-credentials'], undefined)
    return headers['access-control-allow-origin']
  }
  for (const origin of ['https://app.example', 'http://localhost:3000']) {
    t.equal(await answer(origin), origin)
    t.equal(await answer(origin, { ...PREFLIGHT, headers: { ...PREFLIGHT.headers, origin } }), origin)
  }
  const others = [
    'https://evil.example',
    'http://app.example',
    'https://app.example:444',
    'https://app.example.evil.example',
    'https://APP.example.',
    'null',
  ]
  for (const origin of others) {
    t.equal(await answer(origin), undefined, origin)
    t.equal(await answer(origin, { ...PREFLIGHT, headers: { ...PREFLIGHT.headers, origin } }), undefined)
  }
})

t.test('with no origins, none is let in', async t => {
  const { url } = await shellServer(t, routes, { corsOrigins: [] })
  for (const options of [{ headers: { origin: 'https://app.example' } }, PREFLIGHT]) {
    const { headers } = await rawRequest(url, '/', options)
    t.equal(headers['access-control-allow-origin'], undefined)
  }
})
