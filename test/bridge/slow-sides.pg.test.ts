import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFold } from '../fixtures/fold.ts'
import { type MostHeld, watchHeld } from '../fixtures/held-by-process.ts'
import { mirror } from '../fixtures/mirror.ts'
import { type Misbehaviour, misbehavingServer, passOn } from '../fixtures/misbehaving-server.ts'
import { rounds } from '../fixtures/rounds.ts'
import { sessionDoc } from '../fixtures/workout.ts'

/** How long an answer, or a statement, takes. */
const SLOW_MS = rounds(400, 4000)
const USERS = 12
const PIECES = 20

/** A page, the one after it, and what is asked in addition, of four workers; the feed; the question whether the server is there. */
const MAX_REQUESTS = 10
/** Six, and one that Postgres still shows while it goes. */
const MAX_CONNECTIONS = 7
const MAX_DESCRIPTORS = 100
const MAX_RESIDENT_MB = 400

const program = await mirror(t)
const proxy = await misbehavingServer(t, program.server)
const bridge = bridgeProcess(t, proxy.adminUrl, program.databaseUrl)
await bridge.ready
const users = await Promise.all(Array.from({ length: USERS }, () => program.user()))
const docs = (count: number) => Array.from({ length: count }, () => sessionDoc())

/** Several waves of writes to all databases, sooner than they can be mirrored. */
async function writeInWaves(): Promise<void> {
  for (let wave = 0; wave < 4; wave++) {
    for (const user of users) await program.request('POST', `${user.database}/_bulk_docs`, { docs: docs(50) })
    await sleep(SLOW_MS / 2)
  }
}

/** Answers that are under way at the same moment. */
const underWay = { now: 0, most: 0 }

function counted(misbehaviour: Misbehaviour): Misbehaviour {
  return (response, answer) => {
    underWay.now++
    underWay.most = Math.max(underWay.most, underWay.now)
    response.on('close', () => underWay.now--)
    misbehaviour(response, answer)
  }
}

const late: Misbehaviour = async (response, answer) => {
  await sleep(SLOW_MS)
  passOn(response, answer)
}

const trickling: Misbehaviour = async (response, { status, text }) => {
  response.writeHead(status, { 'content-type': 'application/json' })
  const size = Math.ceil(text.length / PIECES)
  for (let at = 0; at < text.length; at += size) {
    response.write(text.slice(at, at + size))
    await sleep(SLOW_MS / PIECES)
  }
  response.end()
}

const SLOW_SERVERS: readonly (readonly [name: string, Misbehaviour])[] = [
  ['answers late', late],
  ['lets its answers trickle', trickling],
]

for (const [name, misbehaviour] of SLOW_SERVERS) {
  t.test(`a server that ${name}: nothing piles up, and all arrives`, async t => {
    underWay.most = 0
    proxy.misbehaviour = counted(misbehaviour)
    await checkBounds(t, async () => {
      await writeInWaves()
      await untilMirrored()
    })
    proxy.misbehaviour = undefined
    t.ok(underWay.most > 1 && underWay.most <= MAX_REQUESTS, `${underWay.most} requests at once`)
  })
}

t.test('a Postgres that is slow: nothing piles up, and all arrives', async t => {
  await program.sql(
    `create function public.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(${SLOW_MS / 1000}); return null; end $$`,
  )
  await program.sql(
    'create trigger dawdle before insert on workout_sessions for each statement execute function public.dawdle()',
  )
  underWay.most = 0
  proxy.misbehaviour = counted(passOn)
  await checkBounds(t, async () => {
    await writeInWaves()
    await untilMirrored()
  })
  t.ok(underWay.most <= MAX_REQUESTS, `${underWay.most} requests at once`)
  for (const user of users.slice(0, 3)) await compareWithFold(t, program, user)
})

t.test('of all of it there was nothing to say', async t => {
  t.strictSame(bridge.log.slice(1), [])
})

async function untilMirrored(): Promise<void> {
  await eventually(
    async () => {
      const [row] = await program.sql('select count(*)::int as n from divan.dirty_databases')
      return row?.n === 0
    },
    'all is mirrored',
    rounds(60_000, 300_000),
  )
  for (const user of users) await user.mirrored()
}

async function checkBounds(t: Test, work: () => Promise<void>): Promise<void> {
  const watched = watchHeld({
    pid: bridge.pid,
    databaseUrl: program.databaseUrl,
    application: 'divan-bridge',
  })
  const started = Date.now()
  await work()
  const { connections, descriptors = 0, residentMb = 0 }: MostHeld = await watched.stop()
  t.comment(
    `${Date.now() - started} ms; at most ${connections} connections, ${descriptors} descriptors, ${residentMb} MB`,
  )
  t.ok(connections <= MAX_CONNECTIONS, `${connections} connections`)
  t.ok(descriptors <= MAX_DESCRIPTORS, `${descriptors} descriptors`)
  t.ok(residentMb <= MAX_RESIDENT_MB, `${residentMb} MB`)
}
