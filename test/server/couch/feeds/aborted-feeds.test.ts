import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { mintToken } from '../../../../server/auth/token.ts'
import { eventually } from '../../../fixtures/eventually.ts'
import { httpClient } from '../../../fixtures/http-client.ts'
import { measuredServer } from '../../../fixtures/measured-server.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { JWT } from '../../../fixtures/running-server.ts'
import { type SeededRandom, seededRandom } from '../../../fixtures/seeded-random.ts'

const USERS = 30
const AT_ONCE = 25
const FEEDS = ['normal', 'longpoll', 'continuous', 'eventsource'] as const
const MOMENTS = ['before its headers', 'while it waits', 'in the middle of a row'] as const

const server = await measuredServer(t)
const { hostname, port } = new URL(server.url)
const bearers = Array.from(
  { length: USERS },
  (_, i) => `Bearer ${mintToken({ sub: `user-${i}`, ...JWT, expiresInSeconds: 3600 })}`,
)
/** More than sockets hold, so that who does not read meets back-pressure. */
const LARGE = { noise: 'x'.repeat(1_500_000) }

/** Opens a feed and goes away without a word, at a moment of chance. */
async function abortFeed(random: SeededRandom): Promise<void> {
  const moment = random.pick(MOMENTS)
  const since = moment === 'while it waits' ? 'now' : '0'
  const filter = since === 'now' ? '&filter=_doc_ids&doc_ids=["x"]&include_docs=true' : '&include_docs=true'
  // A longpoll for now is answered at once: this one waits behind a filter instead.
  const path = `/me/_changes?feed=${random.pick(FEEDS)}&since=${random.chance(0.5) ? since : '0'}&heartbeat=100${filter}`
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  const encoding = random.chance(0.5) ? 'Accept-Encoding: gzip\r\n' : ''
  const authorization = `Authorization: ${random.pick(bearers)}\r\n`
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${encoding}${authorization}\r\n`)
  if (moment !== 'before its headers')
    await Promise.race([once(socket, 'readable'), sleep(1000, undefined, { ref: false })])
  // Reading stops here: what is left of the answer stays in the sockets, and in the server.
  await sleep(random.below(20))
  if (random.chance(0.5)) socket.destroy()
  else socket.resetAndDestroy()
}

async function abortFeeds(random: SeededRandom, count: number): Promise<void> {
  let left = count
  const one = async () => {
    while (left-- > 0) await abortFeed(random)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}

/** What it holds once it has noticed that all are gone. */
async function settled(idleSockets: number) {
  return eventually(async () => {
    const held = await server.held()
    return held.listeners === 0 && held.sockets <= idleSockets ? held : undefined
  }, 'all feeds are noticed to be gone')
}

t.test('feeds that are aborted at any moment leave nothing behind', async t => {
  const random = seededRandom(t)
  for (const authorization of bearers.slice(0, 3))
    await httpClient(`${server.url}/me`, authorization).put('/large', LARGE)
  for (const authorization of bearers.slice(3))
    await httpClient(`${server.url}/me`, authorization).put('/small', {})
  const { sockets } = await server.held()
  await abortFeeds(random, 500)
  const before = await settled(sockets)
  const count = rounds(1_000, 10_000)
  await abortFeeds(random, count)
  const after = await settled(sockets)
  t.comment(`${count} feeds: ${JSON.stringify({ before, after })}`)
  // What a feed holds is some 20 KiB. Code that is compiled meanwhile was up to one MiB, after 1,000 feeds as after 10,000.
  t.ok(after.heapBytes < before.heapBytes + 2 * 1024 * 1024, 'memory')
  t.ok(after.externalBytes < before.externalBytes + 1024 * 1024, 'buffers')
  t.ok(after.timers <= before.timers, 'timers')
  t.ok(after.files <= before.files, 'descriptors')

  // The quota has forgotten them too: a feed beyond it would end after two seconds.
  const mine = httpClient(`${server.url}/me`, String(bearers[3]))
  const { last_seq } = (await mine.get('/_changes')).json
  const start = Date.now()
  await mine.get(`/_changes?feed=longpoll&since=${last_seq}&timeout=2300`)
  t.ok(Date.now() - start > 2200, 'quota')
})
