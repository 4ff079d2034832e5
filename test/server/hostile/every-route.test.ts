import t, { type Test } from 'tap'
import { userDbName } from '../../../design-docs/user-db.ts'
import type { Route } from '../../../server/http/route.ts'
import { storeFileIn } from '../../../server/store-file.ts'
import { allRoutes } from '../../fixtures/all-routes.ts'
import { collectGarbage } from '../../fixtures/collect-garbage.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import { RawConnection, type RawReply } from '../../fixtures/raw-connection.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { runningServer } from '../../fixtures/running-server.ts'
import { type SeededRandom, seededRandom } from '../../fixtures/seeded-random.ts'
import { checkFile } from '../store/sqlite/check-file.ts'
import { faultOf } from './faults-of.ts'
import { type HostileRequest, KINDS, wireBytes } from './hostile-requests.ts'
import { flipped, mutatedRequest, type Pool } from './mutated-request.ts'
import { usualRequests } from './usual-requests.ts'

/**
 * Whatever comes in is answered: well, or with a refusal that names what is wrong. Nothing ends the process, nothing that is stored is
 * lost. One server for all of it, so that what one request leaves behind meets the next ones.
 */

const server = await runningServer(t, { trustProxy: true })
const port = Number(new URL(server.url).port)

const routes = allRoutes(server.store)

/** The names of a route's parameters, as its schema has them. */
function parametersOf({ query }: Route): readonly string[] {
  const { shape } = (query ?? {}) as { readonly shape?: Readonly<Record<string, unknown>> }
  return Object.keys(shape ?? {})
}

type Asker = { readonly db: string; readonly authorization: string | undefined }

const OWNER: Asker = { db: 'me', authorization: server.bearer('anna') }
const ADMIN: Asker = { db: 'stormy', authorization: server.basic }
const NOBODY: Asker = { db: userDbName('anna'), authorization: undefined }

/** What somebody else has stored, and must still have at the end. */
const KEPT = [
  { _id: 'a', v: 1, _attachments: { f: { content_type: 'text/plain', data: 'aGVsbG8=' } } },
  { _id: 'b', v: 'é' },
  { _id: '_local/c', v: 3 },
]
const keeper = httpClient(`${server.url}/me`, server.bearer('keeper'))
await keeper.post('/_bulk_docs', { docs: KEPT })
const kept = async () => [
  (await keeper.get('/_all_docs?include_docs=true&attachments=true')).json,
  (await keeper.get('/_local/c')).json,
]
const before = await kept()
await httpClient(server.url, server.basic).put('/stormy')

const AT_ONCE = 8
const TIMEOUT_MS = 20_000
/** How long a feed is listened to that does not end. */
const FEED_MS = 20

type Sent = { readonly bytes: Buffer; readonly request: HostileRequest; readonly isBroken?: boolean }

/** Sends them over some connections at once, and tells what is wrong with the answers. */
async function storm(t: Test, all: Iterable<Sent>, name: string): Promise<void> {
  const next = all[Symbol.iterator]()
  let sent = 0
  const send = async () => {
    const connection = new RawConnection(port)
    for (let item = next.next(); !item.done; item = next.next()) {
      sent++
      const { request, bytes, isBroken } = item.value
      const fault = faultIn(await reply(connection, item.value), request, isBroken)
      if (fault !== undefined)
        t.fail(`${request.route}, ${request.what}: ${fault}`, { request: wireText(bytes) })
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, send))
  t.ok(sent > 0, `${name}: ${sent} requests`)
}

function reply(connection: RawConnection, { bytes, request, isBroken }: Sent): Promise<RawReply> {
  const { method, target } = request
  const feedMs = /_changes|_db_updates/.test(target) ? FEED_MS : undefined
  return connection.exchange({ bytes, method, timeoutMs: TIMEOUT_MS, feedMs, halfClose: isBroken })
}

function faultIn(
  reply: RawReply,
  request: HostileRequest,
  isBroken: boolean | undefined,
): string | undefined {
  // Which bytes are turned over decides what the request is.
  if (isBroken && reply.status < 500) return undefined
  return faultOf(reply, request)
}

/** So that a failure can be sent again. */
function wireText(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  return text.length > 4000 ? `${text.slice(0, 4000)}… (${text.length})` : text
}

/** In `npm test` some of each kind, in `npm run test:long` most. */
const OF_A_KIND = rounds(30, 20_000)

function* some<T>(all: () => Iterable<T>, random: SeededRandom): Iterable<T> {
  let count = 0
  for (const _ of all()) count++
  for (const one of all()) if (random.next() * count < OF_A_KIND) yield one
}

for (const [kind, spoil] of Object.entries(KINDS)) {
  t.test(kind, async t => {
    const random = seededRandom(t)
    for (const [name, { db, authorization }] of Object.entries({ OWNER, ADMIN, NOBODY })) {
      const all = function* () {
        for (const route of routes)
          for (const usual of usualRequests(route, db)) yield* spoil(usual, parametersOf(route))
      }
      const wired = function* () {
        for (const request of some(all, random)) yield { request, bytes: wireBytes(request, authorization) }
      }
      await storm(t, wired(), name)
    }
  })
}

t.test('anything that can be made of usual requests', async t => {
  for (const asker of [OWNER, ADMIN]) {
    const pool: Pool = {
      usual: routes.flatMap(route => usualRequests(route, asker.db)),
      parameters: [...new Set(routes.flatMap(parametersOf))],
    }
    const random = seededRandom(t)
    const mutated = function* (): Iterable<Sent> {
      for (let left = rounds(500, 100_000); left > 0; left--) {
        const request = mutatedRequest(random, pool)
        const bytes = wireBytes(request, asker.authorization)
        const isBroken = random.chance(0.1)
        yield { request, bytes: isBroken ? flipped(bytes, random) : bytes, isBroken }
      }
    }
    await storm(t, mutated(), 'mutated')
  }
})

/** By so much the heap may be larger after it all: caches that are bounded, and code that is compiled now. */
const MAX_GROWTH_MIB = 120

t.test('after it all, the server is what it was', async t => {
  t.strictSame(await kept(), before, 'what was stored is there')
  const client = httpClient(`${server.url}/me`, OWNER.authorization ?? '')
  const made = await client.post('', { v: 1 })
  t.equal(made.status, 201)
  t.match((await client.get(`/${made.json.id}`)).json, { v: 1 })
  await collectGarbage()
  const heapMib = process.memoryUsage().heapUsed / 1024 / 1024
  t.ok(heapMib < MAX_GROWTH_MIB, `a heap of ${Math.round(heapMib)} MiB`)
  const admin = httpClient(server.url, server.basic)
  const isAlone = async () => /^divan_http_open_requests 1$/m.test((await admin.get('/metrics')).text)
  await eventually(isAlone, 'no request is open but this one: no feed is left that would have to be cut')
  await server.close()
  t.strictSame(await checkFile(storeFileIn(server.dataFolder)), [])
})
