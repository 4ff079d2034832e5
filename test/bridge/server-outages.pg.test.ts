import t from 'tap'
import { appliedTwice, noteAppliedRows } from '../fixtures/applied-rows.ts'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { mirror } from '../fixtures/mirror.ts'
import { type Misbehaviour, misbehavingServer } from '../fixtures/misbehaving-server.ts'
import { checkOutage, outageScene } from '../fixtures/outage-case.ts'
import { rounds } from '../fixtures/rounds.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

const AWAY = /does not answer as it should/

function refusal(status: number, error: string): Misbehaviour {
  return response =>
    void response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ error, reason: 'a reason' }))
}

/** The first ones in every run. */
const MISBEHAVIOURS: readonly (readonly [name: string, Misbehaviour, reason: RegExp])[] = [
  ['500', refusal(500, 'internal_server_error'), /answers 500 \(internal_server_error: a reason\)/],
  [
    '401, because the password is another one now',
    refusal(401, 'unauthorized'),
    /answers 401.*DIVAN_SERVER_URL/,
  ],
  [
    'an answer that is cut in its middle',
    (response, { text }) => {
      response.writeHead(200, { 'content-length': Buffer.byteLength(text) + 1 })
      response.write(text.slice(0, text.length / 2), () => response.destroy())
    },
    /no usable answer/,
  ],
  [
    'something else',
    response => void response.end('{"results": [{"ok": true}], "last_seq": [7]}'),
    /something else than/,
  ],
  [
    'half of an answer, as if it were whole',
    (response, { text }) => void response.end(text.slice(0, text.length / 2)),
    /no usable answer/,
  ],
  ["a proxy's page", response => void response.end('<html>Bad gateway</html>'), /no usable answer/],
  ['503', refusal(503, 'busy'), /answers 503/],
  ['429', refusal(429, 'too_many_requests'), /answers 429/],
]

t.test('whatever the server answers for a while: one line, patience, nothing lost', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  const proxy = await misbehavingServer(t, program.server)
  const bridge = bridgeProcess(t, proxy.adminUrl, program.databaseUrl)
  await bridge.ready
  await noteAppliedRows(program, ['workout_sessions', 'routines', 'earned_badges'])
  const scene = await outageScene(random, program, {
    bridge,
    attempts: () => proxy.requests,
    serverUrl: program.server.adminUrl,
    databaseUrl: program.databaseUrl,
  })
  for (const [name, misbehaviour, reason] of MISBEHAVIOURS.slice(0, rounds(4, MISBEHAVIOURS.length))) {
    const begin = async () => {
      proxy.misbehaviour = misbehaviour
    }
    const end = async () => {
      proxy.misbehaviour = undefined
    }
    await t.test(name, t => checkOutage(t, scene, { name, begin, end, says: AWAY, reason }))
  }
  await compareWithFolds(t, program, scene.users)
  t.strictSame(await appliedTwice(program), [])
  t.notOk(
    bridge.log.some(({ level }) => level >= 50),
    'nothing happened that was not foreseen',
  )
})

t.test('a server that speaks no TLS: a bridge that asks for it waits, and says why', async t => {
  const program = await mirror(t)
  const bridge = bridgeProcess(t, program.server.adminUrl.replace('http:', 'https:'), program.databaseUrl)
  const said = await eventually(() => bridge.log[0], 'it says something')
  t.match(said, { level: 40, msg: AWAY, reason: /no usable answer from https:.*(SSL|wrong version)/i })
  t.notMatch(JSON.stringify(bridge.log), /word/, 'without the password')
})
