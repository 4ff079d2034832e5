import t from 'tap'
import type { Route } from '../../../server/http/route.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { shellServer } from '../../fixtures/shell-server.ts'

const routes: readonly Route[] = [
  {
    method: 'GET',
    path: '/',
    access: 'public',
    handle: ({ address, origin }) => ({ json: { address, origin } }),
  },
]

async function seen(url: string, headers: Record<string, string>) {
  return JSON.parse((await rawRequest(url, '/', { headers })).body)
}

t.test('without a proxy nobody says where he is but his connection', async t => {
  const { url } = await shellServer(t, routes)
  const headers = {
    host: 'db.example',
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
  }
  t.strictSame(await seen(url, headers), { address: '127.0.0.1', origin: 'http://db.example' })
})

t.test('behind one, the client is whom our own proxies heard from, not whom he says he is', async t => {
  const { url } = await shellServer(t, routes, { trustProxy: true })
  const address = async (forwarded: string) => (await seen(url, { 'x-forwarded-for': forwarded })).address
  t.equal(await address('203.0.113.9'), '203.0.113.9')
  t.equal(await address('198.51.100.1, 203.0.113.9'), '203.0.113.9', 'he wrote the first one himself')
  t.equal(await address('127.0.0.1, 203.0.113.9'), '203.0.113.9')
  t.equal(await address('198.51.100.1, 203.0.113.9, 10.0.0.2, 192.168.1.1'), '203.0.113.9', 'inner proxies')
  t.equal(await address('2001:db8::1, ::1, fd00::2'), '2001:db8::1')
  t.equal(await address('10.0.0.7'), '10.0.0.7', 'a client of an inner network')
  t.equal((await seen(url, {})).address, '127.0.0.1')

  const headers = { host: 'inner', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'db.example' }
  t.equal((await seen(url, headers)).origin, 'https://db.example')
})
