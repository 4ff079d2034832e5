import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { StartError, startServer } from '../../server/server.ts'
import { rawRequest } from '../fixtures/raw-request.ts'
import { JWT, runningServer } from '../fixtures/running-server.ts'

const OPTIONS = {
  host: '127.0.0.1',
  port: 0,
  jwt: JWT,
  admins: [],
  corsOrigins: ['*'],
  maxDocumentBytes: 1000,
  maxAttachmentBytes: 1000,
  trustProxy: false,
  gzip: false,
  feedsPerToken: 4,
  logLevel: 'silent',
} as const

t.test('what was written is there after a restart on the same port', async t => {
  const server = await runningServer(t)
  const headers = { authorization: server.bearer('anna'), 'content-type': 'application/json' }
  const put = await rawRequest(server.url, '/me/a', { method: 'PUT', headers, body: '{"text":"here"}' })
  t.equal(put.status, 201)
  await server.restart()
  t.match(await rawRequest(server.url, '/me/a', { headers }), { status: 200, body: /"text":"here"/ })
})

t.test('closing twice is closing once, and the accounts are there from the start', async t => {
  const server = await startServer({ ...OPTIONS, dataFolder: t.testdir() })
  t.strictSame(server.store.databaseNames({ limit: 10 }), ['_users'])
  await Promise.all([server.close(), server.close()])
  await server.close()
  await t.rejects(rawRequest(server.url, '/'), { code: 'ECONNREFUSED' })
})

t.test('a taken port is one clear line, and leaves the data folder free', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await new Promise(resolve => other.once('listening', resolve))
  const { port } = other.address() as { port: number }
  const dataFolder = t.testdir()
  const failure = await startServer({ ...OPTIONS, dataFolder, port }).catch(error => error)
  t.type(failure, StartError)
  t.match(failure, { code: 'EADDRINUSE', message: /^Port \d+ of 127.0.0.1 is taken: .*DIVAN_PORT\.$/ })
  const server = await startServer({ ...OPTIONS, dataFolder })
  await server.close()
})

t.test('an address that is not this machine’s, and a folder that is none', async t => {
  await t.rejects(startServer({ ...OPTIONS, dataFolder: t.testdir(), host: '192.0.2.1' }), {
    message: /192\.0\.2\.1.*DIVAN_HOST/,
  })
  const folder = t.testdir({ file: '' })
  const failure = await startServer({ ...OPTIONS, dataFolder: join(folder, 'file') }).catch(error => error)
  t.ok(failure instanceof Error)
  t.notMatch(failure.message, /\n/)
})

t.test('IPv6 addresses stand in brackets in the URL; the folder is made', async t => {
  const dataFolder = join(t.testdir(), 'made', 'by', 'the', 'start')
  const server = await startServer({ ...OPTIONS, dataFolder, host: '::1' }).catch(error => {
    if (error.code !== 'EADDRNOTAVAIL' && error.code !== 'EAFNOSUPPORT') throw error
    t.comment('this machine has no IPv6')
    return undefined
  })
  if (server !== undefined) t.match(server.url, /^http:\/\/\[::1\]:\d+$/)
  await server?.close()
})
