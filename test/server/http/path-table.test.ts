import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import t from 'tap'
import { pathTable } from '../../../server/http/path-table.ts'
import type { Route } from '../../../server/http/route.ts'
import { tableOf } from '../../../server/http/route-table.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'

const PATHS = [
  '/',
  '/_up',
  '/_session',
  '/:db',
  '/:db/_changes',
  '/:db/_all_docs/queries',
  '/:db/_compact/:ddoc',
  '/:db/_local/:name',
  '/:db/_local/:name/*rest',
  '/:db/:doc',
  '/:db/:doc/*name',
  '/:db/_design/:ddoc',
  '/:db/_design/:ddoc/*name',
]
const table = tableOf(
  PATHS.map((path): Route => ({ method: 'GET', path, access: 'public', handle: () => ({ empty: true }) })),
)
const find = pathTable(table)

const SEGMENTS = [
  'me',
  '_up',
  '_session',
  '_changes',
  '_all_docs',
  'queries',
  '_compact',
  '_local',
  '_design',
  'a',
  '',
  '.',
  '..',
  '%5Fup',
  'a%2Fb',
  '%',
  '%E0%A4',
  '%e4',
  '%C3%A4',
  'session:1',
  'x;y',
  'a+b',
  '_UP',
  "it's",
  '*',
  ':db',
  '(a)',
  '\\',
  '$&',
]
const TAILS = ['', '/', '?', '?x=/a', '?a=1&b=%', '//', '#x', '?x#y']

/** What Express finds, as `[path, params]`; undefined for what it answers itself. */
async function expressFinder() {
  const app = express()
  app.set('case sensitive routing', true)
  for (const { path } of table)
    app.all(path, (request, response) => {
      response.json([path, request.params])
    })
  const server = createServer(app).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return async (path: string): Promise<unknown> => {
    const { status, body } = await rawRequest(url, path)
    return status === 200 ? JSON.parse(body) : undefined
  }
}

t.test(
  'a path leads where Express would lead it, with the same parameters, or is left to Express',
  async t => {
    const random = seededRandom(t)
    const expressFinds = await expressFinder()
    let alike = 0
    for (let round = 0; round < rounds(600, 20_000); round++) {
      const segments = Array.from({ length: random.below(5) }, () => random.pick(SEGMENTS))
      const path = `/${segments.join('/')}${random.pick(TAILS)}`
      const found = find(path)
      if (found === undefined) continue
      alike++
      const [route, params] = ((await expressFinds(path)) ?? []) as [
        string?,
        Record<string, string | string[]>?,
      ]
      const joined = Object.entries(params ?? {}).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join('/') : value,
      ])
      t.strictSame([found.routes.path, found.params], [route, Object.fromEntries(joined)], path)
    }
    t.ok(alike > 100, `${alike} paths were found`)
  },
)

t.test('what is not plain is left to Express', async t => {
  for (const url of [
    '',
    '*',
    'http://x/me',
    '//me',
    '/me/',
    '/me//a',
    '/me/%',
    '/me/%E0%A4',
    '/me#a',
    '/mé',
    '/a b',
  ])
    t.equal(find(url), undefined, url)
})

t.test('plain paths are found', async t => {
  t.match(find('/'), { routes: { path: '/' }, params: {} })
  t.match(find('/me?x=/y'), { routes: { path: '/:db' }, params: { db: 'me' } })
  t.match(find('/me/_local/a/b%2Fc/d'), { params: { db: 'me', name: 'a', rest: 'b/c/d' } })
  t.match(find('/me/_design'), { routes: { path: '/:db/:doc' }, params: { doc: '_design' } })
  t.match(find('/me/session%3A1'), { params: { doc: 'session:1' } })
})
