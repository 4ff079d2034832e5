import assert from 'node:assert'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { BridgeError } from '../../bridge/bridge-error.ts'
import { AnswerTooLarge, couchClient, ServerError } from '../../bridge/couch-client.ts'

async function answering(t: Test, listener: RequestListener): Promise<URL> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}

const { signal } = new AbortController()

t.test('credentials leave the URL for the header, whatever they consist of', async t => {
  const url = await answering(t, (request, response) => {
    response.end(JSON.stringify({ url: request.url, authorization: request.headers.authorization }))
  })
  const client = couchClient(Object.assign(url, { username: 'ädmin', password: 'p:s/w@rd%25' }).href)
  t.notMatch(client.url, /dmin|rd/)
  const answer = (await client.json({ path: 'db/_changes?limit=1', signal })) as Record<string, unknown>
  t.equal(answer.url, '/db/_changes?limit=1')
  t.equal(answer.authorization, `Basic ${Buffer.from('ädmin:p:s/w@rd%').toString('base64')}`)
})

t.test(
  'a password that is not written as a URL wants is the operator’s, and the setting is named',
  async t => {
    const open = () => couchClient('http://admin:100%@127.0.0.1:5984')
    t.throws(
      open,
      new BridgeError(
        'the server URL cannot be read; a % of the name or password is written as %25: check DIVAN_SERVER_URL',
      ),
    )
  },
)

t.test('a server below a path of its host is asked there', async t => {
  const url = await answering(t, (request, response) => response.end(JSON.stringify(request.url)))
  const client = couchClient(new URL('couch/', url).href)
  t.equal(await client.json({ path: '_all_dbs', signal }), '/couch/_all_dbs')
})

t.test('a refusal says its status and words, and no credentials', async t => {
  const url = await answering(t, (_, response) => {
    response.writeHead(404).end('{"error":"not_found","reason":"Database does not exist."}')
  })
  const client = couchClient(Object.assign(url, { username: 'admin', password: 'secret' }).href)
  const error = await client.json({ path: 'db', signal }).catch(error => error)
  assert(error instanceof ServerError)
  t.match(error, { status: 404, word: 'not_found', reason: 'Database does not exist.' })
  t.notMatch(error.message, /secret|admin/)
})

t.test('whatever a proxy answers is a failure to be tried again', async t => {
  const answers = ['<html>', '', '{"results":', 'null and void']
  for (const text of answers) {
    const url = await answering(t, (_, response) => response.end(text))
    await t.rejects(couchClient(url.href).json({ path: '', signal }), { name: 'ServerError' }, text)
  }
})

t.test('a server that is not there is a failure that says so', async t => {
  const error = await couchClient('http://127.0.0.1:1')
    .json({ path: '', signal })
    .catch(error => error)
  t.match(error, {
    name: 'ServerError',
    status: undefined,
    message: /no usable answer from http:\/\/127\.0\.0\.1:1/,
  })
})

t.test('a connection that falls silent is given up', async t => {
  const url = await answering(t, (_, response) => void response.write('{'))
  const before = Date.now()
  await t.rejects(couchClient(url.href).json({ path: '', silenceMs: 200, signal }), { name: 'ServerError' })
  t.ok(Date.now() - before < 2000)
})

t.test('an answer that never ends, and is never silent, is given up', async t => {
  const url = await answering(t, (_, response) => {
    const timer = setInterval(() => response.write(' '), 10)
    response.on('close', () => clearInterval(timer))
  })
  const before = Date.now()
  await t.rejects(couchClient(url.href).json({ path: '', silenceMs: 1000, answerMs: 300, signal }), {
    name: 'ServerError',
    message: /no end after 300 ms/,
  })
  t.ok(Date.now() - before < 2000)
})

t.test('an answer that is too large is cut off', async t => {
  const url = await answering(t, (_, response) => response.end(JSON.stringify('x'.repeat(100_000))))
  const client = couchClient(url.href)
  const error = await client.json({ path: '', maxBytes: 50_000, signal }).catch(error => error)
  t.type(error, AnswerTooLarge)
  t.equal(String(await client.json({ path: '', maxBytes: 200_000, signal })).length, 100_000)
})

t.test('an aborted request throws what the signal says', async t => {
  const url = await answering(t, () => undefined)
  const stop = new AbortController()
  const waiting = couchClient(url.href).json({ path: '', signal: stop.signal })
  setTimeout(() => stop.abort(), 50)
  await t.rejects(waiting, { name: 'AbortError' })
  await t.rejects(couchClient(url.href).json({ path: '', signal: stop.signal }), { name: 'AbortError' })
})

t.test('what is no URL is named by its setting', async t => {
  t.throws(() => couchClient('not a url'), BridgeError)
})
