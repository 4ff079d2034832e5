import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import PouchDB from 'pouchdb-node'
import t, { type Test } from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { fetchWithToken, phone } from '../fixtures/phone.ts'
import { rawRequest } from '../fixtures/raw-request.ts'
import { runningServer } from '../fixtures/running-server.ts'

/** What a proxy's minute is here. */
const PATIENCE_MS = 1000

const server = await runningServer(t, { gzip: true })

/** A proxy that cuts what is silent for its patience, and asks for gzip, as browsers and proxies do. */
async function impatientProxy(t: Test) {
  const cuts: string[] = []
  let waits = 0
  const proxy = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming
    const asked = request(server.url + url, {
      method,
      headers: { ...headers, 'accept-encoding': 'gzip' },
      agent: false,
    })
    const cut = setTimeout(() => {
      cuts.push(String(url))
      asked.destroy()
      outgoing.destroy()
    }, PATIENCE_MS)
    asked.on('response', answer => {
      if (url?.includes('longpoll')) waits++
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('data', () => cut.refresh())
      answer.pipe(outgoing)
    })
    asked.on('error', () => outgoing.destroy())
    outgoing.on('close', () => {
      clearTimeout(cut)
      asked.destroy()
    })
    incoming.on('data', () => cut.refresh())
    incoming.pipe(asked)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, cuts, waits: () => waits }
}

t.test('what is silent is cut: so does this proxy', async t => {
  const { url, cuts } = await impatientProxy(t)
  const headers = { authorization: server.bearer('carl') }
  const path = '/me/_changes?feed=longpoll&since=0&timeout=10000'
  t.match(await rawRequest(url, path, { headers }), { isWhole: false })
  t.strictSame(cuts, [path])
})

t.test('a live replication through it is never cut, with a filter that nothing passes either', async t => {
  const proxy = await impatientProxy(t)
  const token = server.token('anna')
  const { local, remote } = await phone(t, proxy.url, token)
  const other = new PouchDB(`${server.url}/me`, { fetch: fetchWithToken(token) })
  const errors: unknown[] = []
  const options = { live: true, retry: true, heartbeat: 300 } as const
  const all = local.sync(remote, options)
  const some = new PouchDB(`${local.name}-some`).replicate
    .from(remote, { ...options, doc_ids: ['nothing is called so'] })
    .on('error', error => errors.push(error))
  all.on('error', error => errors.push(error))
  t.teardown(() => {
    all.cancel()
    some.cancel()
  })
  await local.put({ _id: 'from the phone' })
  await eventually(() => other.get('from the phone').catch(() => undefined), 'it arrives')
  await eventually(() => proxy.waits() >= 2, 'both wait')
  await sleep(3 * PATIENCE_MS)
  await other.put({ _id: 'to the phone' })
  await eventually(
    () => local.get('to the phone').catch(() => undefined),
    'it arrives by the feed that waited',
  )
  t.strictSame(proxy.cuts, [])
  t.strictSame(errors, [])
})

t.test('feeds of every kind, and of all databases, tell proxies to pass everything on', async t => {
  for (const [path, authorization] of [
    ...['normal', 'longpoll', 'continuous', 'eventsource'].map(feed => [
      `/me/_changes?feed=${feed}&timeout=0`,
      server.bearer('anna'),
    ]),
    ...['normal', 'longpoll', 'continuous'].map(feed => [
      `/_db_updates?feed=${feed}&timeout=0`,
      server.basic,
    ]),
  ]) {
    const { headers } = await rawRequest(server.url, path ?? '', { headers: { authorization } })
    t.match(headers, { 'x-accel-buffering': 'no', 'cache-control': 'no-store, no-transform' }, path ?? '')
  }
})
