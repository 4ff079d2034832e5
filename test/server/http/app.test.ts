import { gzipSync } from 'node:zlib'
import t from 'tap'
import { z } from 'zod'
import { CouchError } from '../../../server/couch-error.ts'
import type { Call, Route } from '../../../server/http/route.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { shellServer } from '../../fixtures/shell-server.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const MAX_BYTES = 1000

const query = z.object({ limit: z.string().regex(/^\d+$/, 'it must be a number').optional() })
const body = z.looseObject({ name: z.string().optional() })
const echo: Route<unknown, z.infer<typeof body>> = {
  method: 'POST',
  path: '/echo',
  access: 'public',
  body: { kind: 'json', schema: body, maxBytes: MAX_BYTES },
  handle: call => ({ json: call.body }),
}
const refused = () => {
  throw new CouchError('too_many_requests', 'Slowly.', { headers: { 'Retry-After': '7' } })
}
const broken = () => {
  throw new TypeError('the secret of the house')
}
const tell = (call: Call) => ({ json: { params: call.params, query: call.query, origin: call.origin } })

const routes: readonly Route[] = [
  { method: 'GET', path: '/', access: 'public', handle: tell },
  { method: 'GET', path: '/limited', access: 'public', query, handle: tell } as Route,
  echo,
  { ...echo, method: 'PUT' },
  {
    method: 'POST',
    path: '/empty',
    access: 'public',
    body: { kind: 'json', schema: body.optional(), maxBytes: MAX_BYTES },
    handle: call => ({ json: call.body === undefined }),
  },
  { method: 'GET', path: '/refused', access: 'public', handle: refused },
  { method: 'GET', path: '/broken', access: 'public', handle: broken },
  { method: 'GET', path: '/late', access: 'public', handle: () => Promise.reject(new Error('later')) },
  { method: 'GET', path: '/text', access: 'public', handle: () => ({ text: '{"a":1}' }) },
  { method: 'GET', path: '/bytes', access: 'public', handle: () => ({ bytes: Buffer.from('äb') }) },
  { method: 'GET', path: '/same', access: 'public', handle: () => ({ status: 304, empty: true }) },
  { method: 'GET', path: '/one/:word', access: 'public', handle: tell },
  { method: 'GET', path: '/all/:word/*rest', access: 'public', handle: tell },
]

t.test('answers', async t => {
  const { url } = await shellServer(t, routes)

  t.test('JSON, text and bytes with their lengths and types, and nothing of Express', async t => {
    const json = await rawRequest(url, '/')
    t.equal(json.headers['content-type'], 'application/json')
    t.equal(json.headers.server, 'Shell')
    t.equal(json.headers['cache-control'], 'must-revalidate')
    t.match(json.headers['x-request-id'], /^[0-9a-f]{12}$/)
    t.equal(json.headers['x-powered-by'], undefined)
    t.equal(json.headers.etag, undefined)
    t.equal((await rawRequest(url, '/text')).body, '{"a":1}')
    const bytes = await rawRequest(url, '/bytes')
    t.match(bytes, {
      body: 'äb',
      headers: { 'content-length': '3', 'content-type': 'application/octet-stream' },
    })
    t.match(await rawRequest(url, '/same'), { status: 304, body: '' })
  })

  t.test('HEAD gets what GET gets, without the body', async t => {
    const head = await rawRequest(url, '/bytes', { method: 'HEAD' })
    t.match(head, { status: 200, body: '', headers: { 'content-length': '3' } })
    t.match(await rawRequest(url, '/refused', { method: 'HEAD' }), { status: 429, body: '' })
  })

  t.test('a known path with another method is 405 and names those it has', async t => {
    const answer = await rawRequest(url, '/text', { method: 'DELETE' })
    t.match(answer, { status: 405, headers: { allow: 'GET,HEAD' } })
    t.equal(JSON.parse(answer.body).error, 'method_not_allowed')
    t.match(await rawRequest(url, '/echo', { method: 'GET' }), {
      status: 405,
      headers: { allow: 'POST,PUT' },
    })
  })

  t.test('an unknown path is 404; case matters, a slash at the end does not', async t => {
    t.equal((await rawRequest(url, '/nothing')).status, 404)
    t.equal((await rawRequest(url, '/TEXT')).status, 404)
    t.equal((await rawRequest(url, '/text/')).status, 200)
  })

  t.test('parameters arrive decoded, half an escape is 400', async t => {
    const params = async (path: string) => JSON.parse((await rawRequest(url, path)).body).params
    t.strictSame(await params('/one/a%2Fb%20%C3%A4'), { word: 'a/b ä' })
    t.strictSame(await params('/all/x/a/b%2Fc/d'), { word: 'x', rest: 'a/b/c/d' })
    t.match(await rawRequest(url, '/one/%'), { status: 400, body: /bad_request/ })
    t.match(await rawRequest(url, '/one/%C3%28'), { status: 400, body: /bad_request/ })
  })

  t.test('the query arrives as strings by name, and the last of a name counts', async t => {
    const seen = JSON.parse((await rawRequest(url, '/?a=1&a=2&b[c]=3&__proto__=4&d=%22x%22')).body).query
    t.strictSame(Object.entries(seen).sort(), [
      ['__proto__', '4'],
      ['a', '2'],
      ['b[c]', '3'],
      ['d', '"x"'],
    ])
    t.equal(Object.getPrototypeOf({}).a, undefined)
  })

  t.test('a parameter that does not fit is named', async t => {
    const answer = await rawRequest(url, '/limited?limit=many')
    t.equal(answer.status, 400)
    t.strictSame(JSON.parse(answer.body), {
      error: 'query_parse_error',
      reason: 'Invalid value for parameter "limit": it must be a number',
    })
  })
})

t.test('bodies', async t => {
  const { url } = await shellServer(t, routes)
  const post = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) =>
    rawRequest(url, '/echo', { method: 'POST', headers, body })

  t.test('JSON, plain and compressed', async t => {
    t.strictSame(JSON.parse((await post('{"name":"ä"}')).body), { name: 'ä' })
    const gzip = { ...JSON_TYPE, 'content-encoding': 'gzip' }
    t.strictSame(JSON.parse((await post(gzipSync('{"name":"z"}'), gzip)).body), { name: 'z' })
    t.match(await post('{"name":"z"}', gzip), { status: 400, body: /not valid gzip/ })
    t.match(await post('x', { ...JSON_TYPE, 'content-encoding': 'br' }), { status: 415 })
  })

  t.test('what is no JSON, no UTF-8, or does not fit', async t => {
    const invalid = { status: 400, body: /"bad_request","reason":"invalid UTF-8 JSON"/ }
    t.match(await post('{"name":'), invalid)
    t.match(await post(''), invalid)
    t.match(await post(Buffer.from([0x22, 0xff, 0x22])), invalid)
    t.match(await post('{"name":7}'), {
      status: 400,
      body: /"bad_request","reason":"Invalid body \\"name\\"/,
    })
  })

  t.test('an empty one counts as absent where that is allowed', async t => {
    const empty = (body: string) => rawRequest(url, '/empty', { method: 'POST', headers: JSON_TYPE, body })
    t.equal((await empty('')).body, 'true\n')
    t.equal((await empty('{}')).body, 'false\n')
    t.equal((await empty(' ')).status, 400)
  })

  t.test('a POST has to say that it is JSON, a PUT need not', async t => {
    t.equal((await post('{}', {})).status, 415)
    t.equal((await post('{}', { 'content-type': 'text/plain' })).status, 415)
    t.equal((await post('{}', { 'content-type': 'Application/JSON; charset=utf-8' })).status, 200)
    t.equal((await rawRequest(url, '/echo', { method: 'PUT', body: '{}' })).status, 200)
  })

  t.test('one that is too large is 413, also when it is small on the wire; the answer arrives', async t => {
    const large = JSON.stringify({ name: 'x'.repeat(300_000) })
    t.match(await post(large), { status: 413, body: /"too_large"/ })
    const gzip = { ...JSON_TYPE, 'content-encoding': 'gzip' }
    t.match(await post(gzipSync(large), gzip), { status: 413, body: /"too_large"/ })
  })

  t.test('__proto__ stays a member like any other', async t => {
    const { body } = await post('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}')
    t.equal(Object.hasOwn(Object.prototype, 'isAdmin'), false)
    t.equal(typeof JSON.parse(body), 'object')
  })
})

t.test('errors', async t => {
  const server = await shellServer(t, routes)

  t.test('a refusal is answered with its word, reason and headers', async t => {
    const answer = await rawRequest(server.url, '/refused')
    t.match(answer, { status: 429, headers: { 'retry-after': '7' } })
    t.strictSame(JSON.parse(answer.body), { error: 'too_many_requests', reason: 'Slowly.' })
  })

  t.test('a bug tells the client nothing but a number, by which the log has it all', async t => {
    for (const path of ['/broken', '/late']) {
      const { status, body, headers } = await rawRequest(server.url, path)
      t.equal(status, 500)
      t.equal(JSON.parse(body).error, 'internal_server_error')
      t.notMatch(body, /secret|TypeError|later/)
      t.ok(server.logged.some(line => line.includes(`${headers['x-request-id']}`) && line.includes('stack')))
    }
  })

  t.test('the log knows requests, but no query, header or body', async t => {
    await rawRequest(server.url, '/text?token=aaaa', {
      headers: { authorization: 'Bearer bbbb' },
    })
    await rawRequest(server.url, '/echo', { method: 'POST', headers: JSON_TYPE, body: '{"name":"cccc"}' })
    const log = server.logged.join('')
    t.match(log, /"path":"\/text"/)
    t.notMatch(log, /aaaa|bbbb|cccc/)
  })

  t.test('where the shell is told so, an error has no body', async t => {
    const isBodilessError = (status: number, path: string) => status === 404 && path === '/x'
    const { url } = await shellServer(t, routes, { isBodilessError })
    t.match(await rawRequest(url, '/x'), {
      status: 404,
      body: '',
      headers: { 'content-type': undefined, 'content-length': '0' },
    })
    t.match(await rawRequest(url, '/y'), { status: 404, body: /not_found/ })
  })
})
