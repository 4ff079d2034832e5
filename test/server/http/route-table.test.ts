import assert from 'node:assert'
import t from 'tap'
import type { Route } from '../../../server/http/route.ts'
import { allowedMethods, routeFor, tableOf } from '../../../server/http/route-table.ts'

const route = (method: Route['method'], path: string): Route => ({
  method,
  path,
  access: 'public',
  handle: () => ({ empty: true }),
})

t.test('the most specific path stands first, whatever the order of the list', async t => {
  const paths = ['/:db/:doc/*name', '/:db', '/:db/:doc', '/:db/_local/*id', '/:db/_changes', '/', '/_up']
  const sorted = tableOf(paths.map(path => route('GET', path))).map(({ path }) => path)
  const before = (a: string, b: string) => t.ok(sorted.indexOf(a) < sorted.indexOf(b), `${a} before ${b}`)
  before('/_up', '/:db')
  before('/:db/_changes', '/:db/:doc')
  before('/:db/_local/*id', '/:db/:doc/*name')
  before('/:db/_local/*id', '/:db/:doc')
})

t.test('the methods of one path stand together', async t => {
  const [routes] = tableOf([route('GET', '/:db'), route('PUT', '/:db')])
  assert(routes !== undefined)
  t.strictSame(allowedMethods(routes), ['GET', 'PUT', 'HEAD'])
  t.equal(routeFor(routes, 'HEAD')?.method, 'GET')
  t.equal(routeFor(routes, 'PUT')?.method, 'PUT')
  t.equal(routeFor(routes, 'POST'), undefined)
})

t.test('one thing registered twice is a bug, also when its parameters have other names', async t => {
  t.throws(() => tableOf([route('GET', '/:db'), route('GET', '/:db')]), /there twice/)
  t.throws(() => tableOf([route('GET', '/:db/:doc'), route('PUT', '/:db/:id')]), /two names/)
})
