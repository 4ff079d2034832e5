import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { bridgeHealth } from '../../../bridge/watch/bridge-health.ts'
import { startWatchServer, type Watched } from '../../../bridge/watch/watch-server.ts'

const watched: Watched = {
  health: () => bridgeHealth('mirroring', { server: undefined, postgres: undefined, rebuild: undefined }),
  metrics: async () => ({ text: 'a 1\n', contentType: 'text/plain' }),
}
const host = '127.0.0.1'

const other = createServer().listen(0, host)
t.teardown(() => other.close())
await new Promise(resolve => other.once('listening', resolve))
const { port } = other.address() as AddressInfo

t.test('a port that nobody asked for may be another one, and says so', async t => {
  const server = await startWatchServer({ host, port, orAnother: true }, watched)
  t.teardown(() => server.close())
  t.not(new URL(server.url).port, String(port))
  t.equal(await (await fetch(`${server.url}/metrics`)).text(), 'a 1\n')
})

t.test('a taken port that was asked for is one line', async t => {
  await t.rejects(startWatchServer({ host, port, orAnother: false }, watched), {
    name: 'BridgeError',
    message: new RegExp(`port ${port} of 127\\.0\\.0\\.1 \\(EADDRINUSE\\): set DIVAN_BRIDGE_PORT`),
  })
})

t.test('it closes at once, also with connections that are kept', async t => {
  const server = await startWatchServer({ host, port: 0, orAnother: false }, watched)
  t.same(await (await fetch(`${server.url}/health`)).json(), { status: 'ok' })
  await server.close()
  await t.rejects(fetch(`${server.url}/health`))
})

t.test('numbers that cannot be made are an error of the server, not of who asks', async t => {
  const broken = { ...watched, metrics: () => Promise.reject(new Error('why')) }
  const server = await startWatchServer({ host, port: 0, orAnother: false }, broken)
  t.teardown(() => server.close())
  const answer = await fetch(`${server.url}/metrics`)
  t.equal(answer.status, 500)
  t.match(await answer.json(), { reason: 'why' })
})
