import t from 'tap'
import { startEmbeddedPostgres } from '../../../bridge/postgres/embedded-postgres.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { heldBy } from '../../fixtures/held-statement.ts'
import { makeUser, requestsOf } from '../../fixtures/mirror.ts'
import { privatePostgres } from '../../fixtures/private-postgres.ts'
import { runningServer } from '../../fixtures/running-server.ts'
import { watchedBridge } from '../../fixtures/watched-bridge.ts'
import { sessionDoc } from '../../fixtures/workout.ts'

/** A bridge that has nothing to do meets an outage of Postgres when it looks for work, every two seconds. */
const NOTICED_MS = 20_000

t.test('a bridge is ready while it mirrors and both its sides are there, and names what is away', async t => {
  const postgres = await privatePostgres(t)
  const port = Number(new URL(postgres.url).port)
  const server = await runningServer(t)
  await postgres.close()
  const startPostgres = async () => {
    const again = await startEmbeddedPostgres({ folder: postgres.folder, fast: true, port })
    t.teardown(again.close)
    return again
  }

  const bridge = await watchedBridge(t, server.adminUrl, postgres.url)
  const until = (status: number, what: string) =>
    eventually(
      async () => {
        const health = await bridge.health()
        return health.status === status && health.body
      },
      what,
      NOTICED_MS,
    )
  const scrapedSoon = async () => {
    const before = performance.now()
    const samples = await bridge.metrics()
    t.ok(performance.now() - before < 3500, 'soon')
    return samples
  }

  await t.test('before it was ever ready', async t => {
    t.equal((await bridge.health()).status, 503)
    const body = await until(503, 'what is away')
    t.match(body.status, /^(preparing|waiting)$/)
    const waiting = await eventually(async () => {
      const { body } = await bridge.health()
      return body.status === 'waiting' && body
    }, 'it knows what it waits for')
    t.match(waiting, { postgres: { since: /^\d{4}-.*Z$/, reason: /ECONNREFUSED/ } })
    t.equal(waiting.server, undefined)
    t.notMatch(JSON.stringify(waiting), new URL(postgres.url).password, 'no password')
    const samples = await scrapedSoon()
    t.equal(samples.get('divan_mirror_readable'), 0)
    t.equal(samples.get('divan_bridge_ready'), 0)
    t.notOk(samples.has('divan_mirror_dirty_databases'), 'what is not known is not told')
  })

  let running = await startPostgres()
  await bridge.started
  t.same(await until(200, 'ready'), { status: 'ok' })

  await t.test('Postgres goes and comes', async t => {
    t.equal((await bridge.metrics()).get('divan_mirror_readable'), 1)
    await running.close()
    await until(503, 'Postgres is away')
    const samples = await scrapedSoon()
    t.equal(samples.get('divan_bridge_outage{of="postgres"}'), 1)
    t.equal(samples.get('divan_bridge_outage{of="server"}'), 0)
    t.ok((samples.get('divan_bridge_retries_total{because="postgres"}') ?? 0) > 0)
    running = await startPostgres()
    t.same(await until(200, 'Postgres is back'), { status: 'ok' })
    const after = await bridge.metrics()
    t.equal(after.get('divan_bridge_outage{of="postgres"}'), 0)
    t.equal(after.get('divan_bridge_outages_total{of="postgres"}'), 2, 'this one, and the one at the start')
  })

  await t.test('the server goes and comes', async t => {
    await server.close()
    t.match(await until(503, 'the server is away'), { status: 'waiting', server: { reason: /./ } })
    t.equal((await bridge.metrics()).get('divan_bridge_outage{of="server"}'), 1)
    await server.restart()
    t.same(await until(200, 'the server is back'), { status: 'ok' })
  })

  await t.test('it is told to end, and has a batch in its hands', async t => {
    const held = await heldBy(t, postgres.url, 'workout_sessions')
    const user = await makeUser(server.adminUrl, postgres.url, requestsOf(server))
    await user.write(sessionDoc())
    await held.waited()
    const closing = (await bridge.started).close()
    t.same(await bridge.health(), { status: 503, body: { status: 'stopping' } })
    await held.release()
    await closing
    t.equal((await user.rows('workout_sessions')).length, 1, 'what was under way is committed')
  })

  await t.rejects(fetch(`${bridge.url}/health`), 'a closed bridge does not answer')
})
