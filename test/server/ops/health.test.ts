import { execFileSync, spawnSync } from 'node:child_process'
import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import { runningServer } from '../../fixtures/running-server.ts'
import { serverProcess } from '../../fixtures/server-process.ts'

t.test('a server that reads and writes says ok to anyone; one that is closed does not answer', async t => {
  const server = await runningServer(t)
  const answer = await fetch(`${server.url}/health`)
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.same(await answer.json(), { status: 'ok' })
  const badToken = { authorization: 'Bearer nonsense' }
  t.equal((await fetch(`${server.url}/health`, { headers: badToken })).status, 200)
  await server.close()
  await t.rejects(fetch(`${server.url}/health`))
  await server.restart()
  t.equal((await fetch(`${server.url}/health`)).status, 200)
})

t.test('no database is made where the server itself answers', async t => {
  const server = await runningServer(t)
  for (const name of ['health', 'metrics']) {
    const headers = { authorization: server.basic }
    t.equal((await fetch(`${server.url}/${name}`, { method: 'PUT', headers })).status, 405)
    t.equal(server.store.database(name), undefined)
  }
})

const skip = spawnSync('prlimit', ['--version']).status === 0 ? false : 'there is no prlimit'

t.test('a disk that is full is told until it has room again', { skip }, async t => {
  const server = await serverProcess(t, { settings: { DIVAN_LOG_LEVEL: 'silent' } })
  const limit = (bytes: string) => execFileSync('prlimit', [`--pid=${server.pid}`, `--fsize=${bytes}:`])
  const admin = httpClient(server.url, server.basic)
  await admin.put('/full')
  const doc = { text: 'x'.repeat(100_000) }

  // No file may be written beyond this: to SQLite it looks like a disk without room.
  limit('8192')
  t.ok([500, 507].includes((await admin.post('/full', doc)).status))
  const answer = await fetch(`${server.url}/health`)
  t.equal(answer.status, 503)
  t.match(await answer.json(), {
    status: 'failing',
    reason: /^The disk (is full|failed): nothing was stored\.$/,
  })
  t.equal((await admin.get('/full')).status, 200, 'it still reads')

  limit('unlimited')
  await eventually(async () => (await fetch(`${server.url}/health`)).ok, 'health without another write')
  t.equal((await admin.post('/full', doc)).status, 201)
})
