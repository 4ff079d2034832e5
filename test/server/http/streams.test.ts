import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { Route } from '../../../server/http/route.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { shellServer } from '../../fixtures/shell-server.ts'

const get = (path: string, handle: Route['handle']): Route => ({
  method: 'GET',
  path,
  access: 'public',
  handle,
})

t.test('a stream arrives whole, and HEAD runs none of it', async t => {
  let runs = 0
  const { url } = await shellServer(t, [
    get('/', () => ({
      async write(out) {
        runs++
        for (let i = 0; i < 1000; i++) await out.write(`${i},`)
      },
    })),
  ])
  const { body, isWhole } = await rawRequest(url, '/')
  t.equal(isWhole, true)
  t.equal(body.split(',').length, 1001)
  t.match(await rawRequest(url, '/', { method: 'HEAD' }), { status: 200, body: '' })
  t.equal(runs, 1)
})

t.test('a throw before the first piece is an error answer, a later one cuts the socket', async t => {
  const { url } = await shellServer(t, [
    get('/early', () => ({ write: () => Promise.reject(new Error('early')) })),
    get('/early/file', () => ({
      headers: { 'Content-Length': '5000', ETag: '"1-a"', 'Content-Type': 'image/png' },
      write: () => Promise.reject(new Error('early')),
    })),
    get('/late', () => ({
      async write(out) {
        await out.write('{"results":[')
        await sleep(50)
        throw new Error('late')
      },
    })),
  ])
  t.match(await rawRequest(url, '/early'), { status: 500, body: /internal_server_error/ })
  const file = await rawRequest(url, '/early/file')
  t.match(file, { status: 500, isWhole: true, body: /internal_server_error/, headers: { etag: undefined } })
  const late = await rawRequest(url, '/late')
  t.equal(late.isWhole, false)
  t.equal(late.body, '{"results":[')
})

t.test('a client that does not read holds one piece, not the whole answer', async t => {
  let written = 0
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const total = 2000
  const { url } = await shellServer(t, [
    get('/', () => ({
      async write(out) {
        for (; written < total; written++) await out.write(chunk)
      },
    })),
  ])
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await sleep(300)
  const held = written
  t.ok(held < total / 2, `${held} of ${total} pieces went into the socket`)
  await sleep(200)
  t.equal(written, held, 'and no more after that')
  socket.resume()
  await once(socket, 'close')
  t.equal(written, total)
})

t.test('the call learns that its client is gone, while it waits and while it writes', async t => {
  let waiting: AbortSignal | undefined
  let failure: unknown
  const { url, logged } = await shellServer(t, [
    get('/', call => ({
      async write(out) {
        await out.write('\n')
        waiting = call.signal
        await once(call.signal, 'abort')
        t.equal(out.signal.aborted, true)
        failure = await Promise.resolve(out.write('more')).catch(error => error)
        throw failure
      },
    })),
  ])
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  t.equal(waiting?.aborted, false)
  socket.destroy()
  await eventually(() => failure, 'the write fails')
  t.match(failure, { name: 'AbortError' })
  t.notMatch(logged.join(''), /a bug/, 'which is nobody’s mistake')
})

t.test('a route may read its body as a stream and stop in the middle', async t => {
  const reading: Route = {
    method: 'POST',
    path: '/',
    access: 'public',
    body: { kind: 'stream' },
    async handle(call) {
      let length = 0
      for await (const chunk of call.stream) {
        length += chunk.length
        if (call.headers['x-stop'] !== undefined) return { status: 413, json: { stopped: true } }
      }
      return { json: { length } }
    },
  }
  const { url } = await shellServer(t, [reading])
  const body = Buffer.alloc(5_000_000, 'y')
  t.match(await rawRequest(url, '/', { method: 'POST', body }), { body: '{"length":5000000}\n' })
  const gzip = { 'content-encoding': 'gzip' }
  t.match(await rawRequest(url, '/', { method: 'POST', body: gzipSync(body), headers: gzip }), {
    body: '{"length":5000000}\n',
  })
  t.match(await rawRequest(url, '/', { method: 'POST', body, headers: { 'x-stop': '1' } }), { status: 413 })
  t.match(
    await rawRequest(url, '/', { method: 'POST', body: 'next' }),
    { body: '{"length":4}\n' },
    'and goes on',
  )
})

t.test('closing tells every call, lets it end in order, refuses new ones and cuts what stays', async t => {
  const server = await shellServer(t, [
    get('/orderly', call => ({
      async write(out) {
        await out.write('[')
        await once(call.signal, 'abort')
        await out.write(']')
      },
    })),
    get('/stubborn', () => ({
      async write(out) {
        await out.write('[')
        await new Promise(() => {})
      },
    })),
  ])
  const orderly = rawRequest(server.url, '/orderly')
  const stubborn = rawRequest(server.url, '/stubborn')
  await sleep(200)
  const start = Date.now()
  await server.close(300)
  t.ok(Date.now() - start < 2_000, 'in time')
  t.match(await orderly, { body: '[]', isWhole: true })
  t.match(await stubborn, { body: '[', isWhole: false })
  await t.rejects(rawRequest(server.url, '/orderly'), { code: 'ECONNREFUSED' })
})
