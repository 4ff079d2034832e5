import t from 'tap'
import { CouchError } from '../../../server/couch-error.ts'
import type { Route } from '../../../server/http/route.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { shellServer } from '../../fixtures/shell-server.ts'

const fails = (thrown: () => unknown) => () => {
  throw thrown()
}
const routes: readonly Route[] = [
  { method: 'GET', path: '/:db/:doc', access: 'caller', handle: () => ({ text: 'x'.repeat(1000) }) },
  { method: 'GET', path: '/broken', access: 'caller', handle: fails(() => new Error('the broken thing')) },
  {
    method: 'GET',
    path: '/full',
    access: 'caller',
    handle: fails(() => new CouchError('insufficient_storage', 'x')),
  },
  { method: 'GET', path: '/refused', access: 'caller', handle: fails(() => new CouchError('conflict', 'x')) },
]
const server = await shellServer(t, routes, {
  authenticate: async ({ headers }) =>
    headers.authorization === 'admin'
      ? { kind: 'admin', name: 'root' }
      : { kind: 'user', sub: 'anna', expiresAt: 0 },
})

/** The lines of the log that a request with this number left, once its end is among them. */
async function linesOf(id: string): Promise<Record<string, unknown>[]> {
  for (;;) {
    const lines = server.logged.map(line => JSON.parse(line)).filter(({ requestId }) => requestId === id)
    if (lines.some(({ msg }) => msg === 'request')) return lines
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

const numbered = (id: string, path: string, headers = {}) =>
  rawRequest(server.url, path, { headers: { 'x-request-id': id, ...headers } })

t.test('a request leaves one line: what, by which route, who, how it ended', async t => {
  const answer = await numbered('a-1', '/me/session%3A1?rev=1-x')
  t.equal(answer.headers['x-request-id'], 'a-1')
  const [line, ...more] = await linesOf('a-1')
  t.strictSame(more, [])
  t.match(line, {
    level: 20,
    method: 'GET',
    path: '/me/session%3A1',
    route: '/:db/:doc',
    status: 200,
    user: 'anna',
    isWhole: true,
  })
  t.ok(Number(line?.bytes) > 1000 && Number(line?.bytes) < 2500, `${line?.bytes} bytes`)
  t.ok(Number(line?.ms) >= 0)
  await numbered('a-2', '/me/x', { authorization: 'admin' })
  t.match(await linesOf('a-2'), [{ admin: 'root', user: undefined }])
})

t.test('a client’s mistake is for debugging, a bug is an error with its stack, in the log alone', async t => {
  await numbered('b-1', '/refused')
  t.match(await linesOf('b-1'), [{ level: 20, status: 409 }])

  const broken = await numbered('b-2', '/broken')
  t.notMatch(broken.body, /the broken thing|request-log/)
  const lines = await linesOf('b-2')
  t.match(
    lines.find(({ level }) => level === 50),
    { msg: 'a bug', err: { message: 'the broken thing', stack: /request-log\.test/ } },
  )
  t.match(
    lines.find(({ msg }) => msg === 'request'),
    { level: 20, status: 500 },
  )
  await numbered('b-3', '/full')
  t.match(
    (await linesOf('b-3')).find(({ level }) => level === 40),
    { msg: 'refused', err: { message: 'x' } },
  )
})

t.test('a number of the client’s is taken if it is one, and another made if it is anything else', async t => {
  const idOf = async (given: string) => (await numbered(given, '/refused')).headers['x-request-id']
  for (const good of ['a', '7b0f1a52-6d1c-4f0e-9a3b-000000000000', 'Root_1.2', 'x'.repeat(64)])
    t.equal(await idOf(good), good)
  for (const bad of ['', 'a b', 'x'.repeat(65), '"},{"level":60', 'ä', '<b>', 'a,b'])
    t.match(await idOf(encodeLatin1(bad)), /^[0-9a-f]{12}$/, bad)
})

t.test('a path that is very long is cut', async t => {
  await numbered('c-1', `/me/${'x'.repeat(20_000)}`)
  const [line] = await linesOf('c-1')
  t.equal(String(line?.path).length, 512)
})

/** Node sends header values byte by byte. */
function encodeLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
