import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { Route } from '../../../server/http/route.ts'
import { shellServer } from '../../fixtures/shell-server.ts'

const MEBIBYTE = 1024 * 1024

const counting: Route = {
  method: 'POST',
  path: '/',
  access: 'public',
  body: { kind: 'stream' },
  async handle(call) {
    let length = 0
    for await (const chunk of call.stream) length += chunk.length
    return { json: { length } }
  },
}

const unread: Route = { ...counting, path: '/unread', handle: () => ({ json: 'not read' }) }

/** A client with a single connection, which it keeps. */
async function singleConnection(t: Test) {
  const { url } = await shellServer(t, [counting, unread])
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  return (body: Uint8Array, headers: Record<string, string> = { 'content-encoding': 'gzip' }, path = '/') =>
    new Promise<string>((resolve, reject) => {
      const sent = request(
        `${url}${path}`,
        { method: 'POST', agent, headers, timeout: 10_000 },
        async answer => {
          let text = ''
          for await (const chunk of answer.setEncoding('utf8')) text += chunk
          resolve(`${answer.statusCode} ${text.trim()}`)
        },
      )
      sent.once('timeout', () => sent.destroy(new Error('no answer')))
      sent.once('error', reject)
      sent.end(body)
    })
}

const BROKEN = [
  { name: 'garbage', body: randomBytes(300_000) },
  { name: 'gzip with garbage behind it', body: Buffer.concat([gzipSync('x'), randomBytes(300_000)]) },
  { name: 'gzip with garbage in it', body: brokenInside() },
  { name: 'half a gzip', body: gzipSync(randomBytes(300_000)).subarray(0, 150_000) },
]

/** Right until the middle. */
function brokenInside(): Uint8Array {
  const bytes = gzipSync(randomBytes(300_000).toString('hex'))
  return bytes.fill(0xff, 150_000, 151_000)
}

t.test('a connection goes on after a body that is not the gzip it claims to be', async t => {
  const post = await singleConnection(t)
  for (const { name, body } of BROKEN) {
    t.match(await post(body), /^400 .*not valid gzip/, name)
    t.equal(await post(Buffer.from('next'), {}), '200 {"length":4}', `the request after ${name}`)
  }
})

t.test('a body may shrink much or be large, but not both beyond measure', async t => {
  const post = await singleConnection(t)
  const zeros = (mebibytes: number) => gzipSync(Buffer.alloc(mebibytes * MEBIBYTE), { level: 9 })
  t.equal(await post(zeros(64)), `200 {"length":${64 * MEBIBYTE}}`)
  t.match(await post(zeros(80)), /^413 .*too_large.*200 times/)
  t.equal(await post(gzipSync('next')), '200 {"length":4}', 'and the connection goes on')
})

t.test('a body that is not the gzip it claims to be harms nobody if nobody reads it', async t => {
  const post = await singleConnection(t)
  for (const { name, body } of BROKEN) {
    t.equal(await post(body, undefined, '/unread'), '200 "not read"', name)
    t.equal(await post(Buffer.from('next'), {}), '200 {"length":4}', `the request after ${name}`)
  }
})

t.test(
  'a client that goes in the middle of its body leaves nothing unhandled, at whatever moment',
  async t => {
    const { url } = await shellServer(t, [counting, unread])
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    t.teardown(() => process.off('unhandledRejection', note))
    const { port } = new URL(url)
    const gone = Array.from({ length: 100 }, async (_, i) => {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => {})
      const path = i % 4 === 0 ? '/unread' : '/'
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsome bytes`, async () => {
        if (i % 3 > 0) await sleep(i % 10)
        socket.resetAndDestroy()
      })
      await once(socket, 'close')
    })
    await Promise.all(gone)
    await sleep(50)
    t.strictSame(unhandled, [])
  },
)
