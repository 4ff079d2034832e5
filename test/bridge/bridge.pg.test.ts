import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type BridgeOptions, startBridge } from '../../bridge/bridge.ts'
import { BridgeError } from '../../bridge/bridge-error.ts'
import { startEmbeddedPostgres } from '../../bridge/postgres/embedded-postgres.ts'
import { freePort } from '../../bridge/postgres/free-port.ts'
import { mirror } from '../fixtures/mirror.ts'
import { privatePostgres } from '../fixtures/private-postgres.ts'
import { runningServer } from '../fixtures/running-server.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'

function changed(
  url: string,
  parts: Partial<Pick<URL, 'username' | 'password' | 'pathname' | 'port'>>,
): string {
  return Object.assign(new URL(url), parts).href
}

/** The one line an operator reads when a bridge cannot start. */
async function complaint(t: Test, options: Omit<BridgeOptions, 'logLevel'>): Promise<string> {
  const error = await startBridge({ ...options, logLevel: 'silent' }).then(
    bridge => bridge.close(),
    error => error,
  )
  t.type(error, BridgeError)
  t.notMatch(error.message, /\n/, 'it is one line')
  t.notMatch(error.message, /secret/, 'it holds no password')
  return error.message
}

t.test('what only an operator can put right ends the start with one line', async t => {
  const server = await runningServer(t)
  const databaseUrl = await throwawayDatabase(t)
  const serverUrl = server.adminUrl

  const wrongPassword = changed(serverUrl, { password: 'secret' })
  t.match(
    await complaint(t, { databaseUrl, serverUrl: wrongPassword }),
    /answers 401.*Check DIVAN_SERVER_URL/,
  )
  const noCredentials = changed(serverUrl, { username: '', password: '' })
  t.match(await complaint(t, { databaseUrl, serverUrl: noCredentials }), /Check DIVAN_SERVER_URL/)
  t.match(await complaint(t, { databaseUrl, serverUrl: 'nonsense' }), /DIVAN_SERVER_URL/)

  const wrongUser = changed(databaseUrl, { password: 'secret' })
  t.match(
    await complaint(t, { serverUrl, databaseUrl: wrongUser }),
    /password authentication failed.*DATABASE_URL/,
  )
  const noDatabase = changed(databaseUrl, { pathname: '/nowhere' })
  t.match(
    await complaint(t, { serverUrl, databaseUrl: noDatabase }),
    /"nowhere" does not exist.*DATABASE_URL/,
  )
  t.match(await complaint(t, { serverUrl, databaseUrl: 'mysql://secret@there' }), /DATABASE_URL/)
})

t.test('wrong or missing credentials end the start also where a mirror exists', async t => {
  const program = await mirror(t)
  await (await program.bridge()).close()
  const { databaseUrl, server } = program
  t.equal((await program.sql('select 1 from divan.update_feed')).length, 1, 'a feed is stored')
  for (const parts of [{ password: 'secret' }, { username: '', password: '' }]) {
    const serverUrl = changed(server.adminUrl, parts)
    t.match(await complaint(t, { databaseUrl, serverUrl }), /answers 40[13].*Check DIVAN_SERVER_URL/)
  }
})

t.test('a server without a feed of changed databases is named as the reason', async t => {
  const databaseUrl = await throwawayDatabase(t)
  const server = createServer((request, response) => {
    response
      .writeHead(request.url === '/' ? 200 : 404)
      .end('{"uuid":"1","error":"not_found","reason":"missing"}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  t.match(await complaint(t, { databaseUrl, serverUrl: `http://127.0.0.1:${port}` }), /_global_changes/)
})

t.test('a bridge waits for a server that is not up yet', async t => {
  const program = await mirror(t)
  await program.server.close()
  const starting = program.bridge()
  t.equal(await Promise.race([starting, sleep(500, 'waits')]), 'waits')
  await program.server.restart()
  await starting
  const user = await program.user()
  await user.mirrored()
})

t.test('a bridge waits for a Postgres that is not up yet', async t => {
  const postgres = await privatePostgres(t)
  await postgres.close()
  const program = await mirror(t, postgres.url)
  const starting = program.bridge()
  t.equal(await Promise.race([starting, sleep(500, 'waits')]), 'waits')
  const again = await startEmbeddedPostgres({ folder: postgres.folder, fast: true })
  t.teardown(() => again.close())
  await starting
  const user = await program.user()
  await user.mirrored()
})

t.test('the wait for a server can be given up', async t => {
  const databaseUrl = await throwawayDatabase(t)
  const serverUrl = `http://127.0.0.1:${await freePort()}`
  const stop = new AbortController()
  const starting = startBridge({ serverUrl, databaseUrl, logLevel: 'silent', signal: stop.signal })
  setTimeout(() => stop.abort(), 300)
  await t.rejects(starting, { name: 'AbortError' })
})

t.test('a bridge closes at once while it waits for something to do, and may be closed twice', async t => {
  const program = await mirror(t)
  const bridge = await program.bridge()
  await sleep(100)
  const before = Date.now()
  await bridge.close()
  await bridge.close()
  t.ok(Date.now() - before < 1000)
})
