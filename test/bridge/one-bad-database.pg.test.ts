import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { askHealth } from '../../commands/ask-health.ts'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { mirror } from '../fixtures/mirror.ts'
import { type Misbehaviour, misbehavingServer, passOn } from '../fixtures/misbehaving-server.ts'
import { rounds } from '../fixtures/rounds.ts'
import { watchedBridge } from '../fixtures/watched-bridge.ts'
import { sessionDoc } from '../fixtures/workout.ts'

const program = await mirror(t)
const proxy = await misbehavingServer(t, program.server)
const bridge = await watchedBridge(t, proxy.adminUrl, program.databaseUrl)
await bridge.started
const beside = bridgeProcess(t, proxy.adminUrl, program.databaseUrl)
await beside.ready
const [bad, ...good] = await Promise.all([program.user(), program.user(), program.user()])

/** Asked for while it is bad. */
let asked = 0

/** One database alone is answered so. */
const onlyBad =
  (misbehaviour: Misbehaviour): Misbehaviour =>
  (response, answer) => {
    if (!answer.path.startsWith(`/${bad.database}/`)) return passOn(response, answer)
    asked++
    return misbehaviour(response, answer)
  }

const refused =
  (status: number, text: string): Misbehaviour =>
  response =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(text)

/** The first one in every run. */
const TROUBLES: readonly (readonly [name: string, Misbehaviour, reason: RegExp])[] = [
  ['500', refused(500, '{"error":"badarg","reason":"a file is broken"}'), /answers 500 \(badarg: a file/],
  [
    'an answer that is cut',
    (response, { text }) => {
      response.writeHead(200, { 'content-length': Buffer.byteLength(text) + 1 })
      response.write(text, () => response.destroy())
    },
    /no usable answer/,
  ],
  ['a 504 of a proxy', refused(504, '<html>too late</html>'), /answers 504/],
  ['a 404 that does not say that it is gone', refused(404, '<html>not here</html>'), /answers 404/],
  ['a 403', refused(403, '{"error":"forbidden"}'), /answers 403/],
  ['something else', refused(200, '{"rows":[]}'), /something else than a changes feed/],
]

for (const [name, misbehaviour, reason] of TROUBLES.slice(0, rounds(1, TROUBLES.length))) {
  t.test(`${name}, for one database alone: it waits, the others go on`, async t => {
    const from = beside.log.length
    const outages = async () => (await bridge.metrics()).get('divan_bridge_outages_total{of="server"}')
    const before = await outages()
    proxy.misbehaviour = onlyBad(misbehaviour)
    await bad.write(sessionDoc())
    const body = await eventually(async () => {
      const { status, body } = await bridge.health()
      t.equal(status, 200, 'the bridge is ready all the time')
      return body.troubled !== undefined && body
    }, 'it tells which database is in trouble')
    t.match(body, {
      status: 'ok',
      troubled: { count: 1, databases: [{ database: bad.database, since: /^\d{4}-.*Z$/, reason }] },
    })
    t.match((await askHealth(bridge.url)).notes, [`${bad.database} cannot be mirrored since`])
    asked = 0
    const writing = (async () => {
      for (let n = 0; n < 5; n++) {
        for (const user of good) await user.write(sessionDoc())
        for (const user of good) await user.mirrored(5000)
      }
    })()
    await Promise.all([writing, sleep(1500)])
    t.ok(asked < 20, `${asked} requests of two bridges are no hurry`)
    const samples = await bridge.metrics()
    t.equal(samples.get('divan_bridge_troubled_databases'), 1)
    t.equal(samples.get('divan_bridge_outage{of="server"}'), 0)
    t.ok((samples.get('divan_bridge_retries_total{because="database"}') ?? 0) >= 3)
    t.equal(await outages(), before)

    // Two bridges share the work: which of them meets the database how often is chance.
    await eventually(() => beside.log.length > from, 'the other bridge says so, too', 60_000)
    proxy.misbehaviour = undefined
    await bad.mirrored(40_000)
    await eventually(async () => (await bridge.health()).body.troubled === undefined, 'it is over')
    const said = await eventually(() => {
      const lines = beside.log.slice(from)
      return lines.length > 1 && lines
    }, 'and that it is over')
    t.match(said, [
      { level: 40, msg: /^a database cannot be mirrored/, database: bad.database, reason },
      { level: 30, msg: /^a database is mirrored again/, database: bad.database },
    ])
    t.equal(said.length, 2, 'once each')
  })
}

t.test('a server that goes and comes meanwhile is away and back, and the database is still bad', async t => {
  const [[, misbehaviour]] = TROUBLES as readonly [(typeof TROUBLES)[number]]
  proxy.misbehaviour = onlyBad(misbehaviour)
  await bad.write(sessionDoc())
  await eventually(async () => (await bridge.health()).body.troubled !== undefined, 'it is bad')
  proxy.misbehaviour = refused(503, '{}')
  for (const user of good) await user.write(sessionDoc())
  t.match(await eventually(isWaiting, 'the server is away'), { server: { reason: /503/ } })
  proxy.misbehaviour = onlyBad(misbehaviour)
  for (const user of good) await user.mirrored(40_000)
  const healthy = await eventually(async () => {
    const { status, body } = await bridge.health()
    return status === 200 && body
  }, 'the server is back')
  t.match(healthy, { status: 'ok', troubled: { count: 1 } })
  proxy.misbehaviour = undefined
  await bad.mirrored(40_000)
  await compareWithFolds(t, program, [bad, ...good])
})

async function isWaiting(): Promise<Record<string, unknown> | false> {
  const { status, body } = await bridge.health()
  return status === 503 && body
}
