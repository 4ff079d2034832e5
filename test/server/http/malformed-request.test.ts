import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { TIME_LIMITS, type TimeLimits } from '../../../server/http/listen.ts'
import type { Route } from '../../../server/http/route.ts'
import { RawConnection } from '../../fixtures/raw-connection.ts'
import { shellServer } from '../../fixtures/shell-server.ts'

const stored: string[] = []
const text = async (stream: AsyncIterable<Uint8Array | string>) => {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}
const routes: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/read',
    access: 'public',
    body: { kind: 'stream' },
    handle: async ({ stream }) => ({ json: await text(stream) }),
  },
  { method: 'GET', path: '/', access: 'public', handle: () => ({ json: 'hello' }) },
  {
    method: 'GET',
    path: '/slow',
    access: 'public',
    async handle() {
      await sleep(50)
      return { json: 'slow' }
    },
  },
  {
    method: 'GET',
    path: '/feed',
    access: 'public',
    handle: () => ({
      async write(out) {
        await out.write('first')
        await new Promise<void>(resolve => out.signal.addEventListener('abort', () => resolve()))
      },
    }),
  },
  {
    method: 'PUT',
    path: '/',
    access: 'public',
    body: { kind: 'stream' },
    async handle({ stream }) {
      const body = await text(stream)
      stored.push(body)
      return { json: body }
    },
  },
]

const get = (path: string, ...headers: string[]) =>
  ['GET', path, 'HTTP/1.1\r\nHost: x\r\n'].join(' ') +
  headers.map(header => `${header}\r\n`).join('') +
  '\r\n'
const put = (body: string, ...headers: string[]) =>
  `PUT / HTTP/1.1\r\nHost: x\r\n${headers.map(header => `${header}\r\n`).join('')}\r\n${body}`
const CHUNKED = 'Transfer-Encoding: chunked'

type Case = {
  readonly name: string
  readonly bytes: string
  readonly status: number
  readonly json?: unknown
}

const BAD = { error: 'bad_request', reason: 'This is not a request of HTTP/1.1.' }
const TOO_LONG = { error: 'too_large', reason: 'The path and the headers are too long.' }

const CASES: readonly Case[] = [
  { name: 'rubbish', bytes: '\u0000\u0001rubbish\r\n\r\n', status: 400, json: BAD },
  { name: 'TLS', bytes: '\u0016\u0003\u0001\u0002\u0000\u0001', status: 400, json: BAD },
  { name: 'the beginning of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400, json: BAD },
  { name: 'HTTP/0.9', bytes: 'GET /\r\n\r\n', status: 200, json: 'hello' },
  { name: 'an unknown method', bytes: 'GOT / HTTP/1.1\r\nHost: x\r\n\r\n', status: 400, json: BAD },
  { name: 'a line without a colon', bytes: get('/', 'rubbish'), status: 400, json: BAD },
  { name: 'a folded header', bytes: get('/', 'A: b', ' c\u0000'), status: 400, json: BAD },
  { name: 'NUL in a header', bytes: get('/', 'A: b\u0000c'), status: 400, json: BAD },
  { name: 'NUL in the path', bytes: get('/\u0000'), status: 400, json: BAD },
  { name: 'no host', bytes: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
  { name: 'a header of 1 MB', bytes: get('/', `A: ${'x'.repeat(1_000_000)}`), status: 431, json: TOO_LONG },
  { name: 'a path of 1 MB', bytes: get(`/${'x'.repeat(1_000_000)}`), status: 431, json: TOO_LONG },
  {
    name: '10,000 headers',
    bytes: get('/', ...Array.from({ length: 10_000 }, (_, n) => `A${n}: xxxx`)),
    status: 431,
    json: TOO_LONG,
  },
  {
    name: '5,000 headers that are short enough',
    bytes: get('/', ...Array.from({ length: 5000 }, () => 'A: x')),
    status: 200,
    json: 'hello',
  },
  {
    name: 'CONNECT',
    bytes: 'CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n',
    status: 405,
    json: { error: 'method_not_allowed', reason: 'CONNECT is not allowed.' },
  },
  {
    name: 'TRACE',
    bytes: 'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n',
    status: 405,
    json: { error: 'method_not_allowed' },
  },
  { name: 'an expectation', bytes: put('', 'Expect: wonders'), status: 417, json: { error: 'bad_request' } },
  {
    name: 'an expectation below /api',
    bytes: 'PUT /api/x?y HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n',
    status: 417,
    json: { error: 'Of `Expect` only 100-continue is known.' },
  },
  {
    name: '100-continue',
    bytes: put('abc', 'Expect: 100-continue', 'Content-Length: 3'),
    status: 200,
    json: 'abc',
  },
  {
    name: 'an upgrade',
    bytes: get('/', 'Connection: Upgrade', 'Upgrade: websocket'),
    status: 200,
    json: 'hello',
  },
  {
    name: 'an upgrade to HTTP/2',
    bytes: get('/', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c'),
    status: 200,
  },
  { name: 'an absolute URL', bytes: get('http://example.org/'), status: 200, json: 'hello' },
  { name: 'an asterisk', bytes: get('*'), status: 404, json: { error: 'not_found' } },
  { name: 'HTTP/1.0', bytes: 'GET / HTTP/1.0\r\n\r\n', status: 200, json: 'hello' },
  {
    name: 'two lengths',
    bytes: put('abc', 'Content-Length: 3', 'Content-Length: 4'),
    status: 400,
    json: BAD,
  },
  { name: 'a negative length', bytes: put('abc', 'Content-Length: -3'), status: 400, json: BAD },
  { name: 'a length that is none', bytes: put('abc', 'Content-Length: 3x'), status: 400, json: BAD },
  {
    name: 'an endless length',
    bytes: put('abc', `Content-Length: ${'9'.repeat(30)}`),
    status: 400,
    json: BAD,
  },
  {
    name: 'a length and chunks',
    bytes: put('0\r\n\r\n', 'Content-Length: 5', CHUNKED),
    status: 400,
    json: BAD,
  },
  {
    name: 'chunks twice',
    bytes: put('0\r\n\r\n', 'Transfer-Encoding: chunked, chunked, x'),
    status: 400,
    json: BAD,
  },
  { name: 'chunks', bytes: put('3\r\nabc\r\n0\r\n\r\n', CHUNKED), status: 200, json: 'abc' },
  {
    name: 'a trailer',
    bytes: put('3\r\nabc\r\n0\r\nA: b\r\n\r\n', CHUNKED),
    status: 200,
    json: 'abc',
  },
  { name: 'a size that is none', bytes: put('3\r\nabc\r\nxyz\r\n', CHUNKED), status: 400, json: BAD },
  { name: 'a negative size', bytes: put('-3\r\nabc\r\n', CHUNKED), status: 400, json: BAD },
  { name: 'a size beyond all', bytes: put(`${'f'.repeat(17)}\r\nabc\r\n`, CHUNKED), status: 400, json: BAD },
  { name: 'a chunk longer than it says', bytes: put('3\r\nabcdef\r\n', CHUNKED), status: 400, json: BAD },
  {
    name: 'extensions of 20 kB',
    bytes: put(`3;${'x'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`, CHUNKED),
    status: 413,
    json: { error: 'too_large' },
  },
]

const exchange = { method: 'GET', timeoutMs: 5000 }

async function connection(t: Test, limits?: Partial<TimeLimits>) {
  const { url } = await shellServer(t, routes, {}, limits && { ...TIME_LIMITS, ...limits })
  const connection = new RawConnection(Number(new URL(url).port))
  t.teardown(() => connection.close())
  return connection
}

/** A bare socket and all that arrives on it. */
async function bareSocket(t: Test): Promise<Socket & { arrived: () => string }> {
  const { url } = await shellServer(t, routes)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  return Object.assign(socket, { arrived: () => text })
}

t.test('what is not quite HTTP is answered in the words of every refusal', async t => {
  const raw = await connection(t)
  stored.length = 0
  for (const { name, bytes, status, json } of CASES) {
    const reply = await raw.exchange({ ...exchange, bytes })
    t.match({ ...reply, isWhole: true }, { status, isWhole: true }, name)
    if (json !== undefined) t.match(JSON.parse(reply.body.toString()), json, name)
  }
  t.strictSame(stored, ['abc', 'abc', 'abc'], 'no body that broke off was taken for whole')
})

t.test('rubbish behind a request is refused after its answer, and ends a feed', async t => {
  const after = await bareSocket(t)
  after.write(`${get('/slow')}rubbish\r\n\r\n`)
  await once(after, 'close')
  t.match(after.arrived(), /^HTTP\/1.1 200 [\s\S]*"slow"\s+HTTP\/1.1 400 [\s\S]*bad_request/)

  const feed = await bareSocket(t)
  feed.write(get('/feed'))
  while (!feed.arrived().includes('first')) await once(feed, 'data')
  feed.write('rubbish\r\n\r\n')
  feed.once('error', () => {})
  await once(feed, 'close')
  t.notMatch(feed.arrived(), /400/, 'nothing is written into the middle of it')
})

t.test('pipelined requests are answered in their order', async t => {
  const socket = await bareSocket(t)
  socket.end(get('/slow') + put('abc', 'Content-Length: 3') + get('/none') + get('/'))
  await once(socket, 'close')
  t.match(socket.arrived(), /"slow"[\s\S]*"abc"[\s\S]*not_found[\s\S]*"hello"/)
})

t.test(
  'a client that ends its side after the request gets its answer, in the middle of it nothing is stored',
  async t => {
    const whole = await bareSocket(t)
    whole.end(get('/slow'))
    await once(whole, 'close')
    t.match(whole.arrived(), /"slow"/)

    stored.length = 0
    for (const cut of [
      put('ab', 'Content-Length: 3'),
      put('3\r\nabc\r\n', CHUNKED),
      put('5\r\nab', CHUNKED),
    ]) {
      const socket = await bareSocket(t)
      socket.end(cut)
      await once(socket, 'close')
      t.match(socket.arrived(), /^(HTTP\/1.1 400 [\s\S]*|)$/)
    }
    t.strictSame(stored, [])
  },
)

t.test('a client that ends its side while it listens to a feed is gone', async t => {
  const socket = await bareSocket(t)
  socket.write(get('/feed'))
  while (!socket.arrived().includes('first')) await once(socket, 'data')
  socket.end()
  await once(socket, 'close')
  t.notMatch(socket.arrived(), /\r\n0\r\n/, 'it has no end')
})

const SHORT_MS = 100

t.test('who sends too slowly is told so', async t => {
  const late = { status: 408, isWhole: true }
  const headers = await connection(t, { headersMs: SHORT_MS, checkMs: 20 })
  t.match(await headers.exchange({ ...exchange, bytes: 'GET / HTTP/1.1\r\nHost' }), late)

  const idle = await connection(t, { bodyIdleMs: SHORT_MS })
  const bytes = put('ab', 'Content-Length: 3')
  const reply = await idle.exchange({ ...exchange, bytes })
  t.match(reply, late)
  t.match(JSON.parse(reply.body.toString()), { error: 'request_timeout', reason: /in time/ })

  const api = await connection(t, { bodyIdleMs: SHORT_MS })
  const push = 'POST /api/read HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab'
  const inWords = await api.exchange({ ...exchange, bytes: push })
  t.match(inWords, late)
  t.strictSame(JSON.parse(inWords.body.toString()), { error: 'The request did not arrive in time.' })

  const dripping = await connection(t, {
    headersMs: 3 * SHORT_MS,
    requestMs: 3 * SHORT_MS,
    bodyIdleMs: SHORT_MS,
    checkMs: 20,
  })
  const answered = dripping.exchange({ ...exchange, bytes: put('a', 'Content-Length: 1000') })
  const drip = setInterval(() => dripping.write('a'), SHORT_MS / 3)
  t.match(await answered, late, 'a body of a byte now and then')
  clearInterval(drip)
})

t.test('connections are kept longer than proxies keep them', async t => {
  const reply = await (await connection(t)).exchange({ ...exchange, bytes: get('/') })
  t.match(reply.headers.get('keep-alive'), 'timeout=620')
})
