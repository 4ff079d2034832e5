import t from 'tap'
import { type HttpClient, httpClient } from '../fixtures/http-client.ts'
import { rounds } from '../fixtures/rounds.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'
import { serverWithCopies } from '../fixtures/server-with-copies.ts'

const DATABASE = '/followed'
const DOCS = 25

type Row = { readonly id: string; readonly changes: [{ readonly rev: string }]; readonly deleted?: boolean }
/** Each document's winner, and whether it is deleted. */
type View = Map<string, string>

/** Reads one page of a feed, as CouchDB's replicator does: it sends `since` back as it was told, and knows nothing of what it means. */
class Follower {
  view: View = new Map()
  #since = '0'
  readonly #heedsRewound: boolean

  /** One that heeds `rewound` begins again then, as who mirrors a database has to: what is gone is in no feed. */
  constructor(heedsRewound: boolean) {
    this.#heedsRewound = heedsRewound
  }

  /** False: there was nothing new. */
  async read(database: HttpClient, limit: number): Promise<boolean> {
    const { json } = await database.get(`/_changes?since=${this.#since}&limit=${limit}`)
    if (json.rewound === true && this.#heedsRewound && this.#since !== '0') {
      this.view = new Map()
      this.#since = '0'
      return true
    }
    for (const row of json.results) this.view.set(row.id, stateOf(row))
    this.#since = json.last_seq
    return json.results.length > 0
  }

  async readAll(database: HttpClient): Promise<void> {
    while (await this.read(database, 7));
  }
}

function stateOf({ changes, deleted }: Row): string {
  return `${changes[0].rev}${deleted === true ? ' deleted' : ''}`
}

async function viewOf(database: HttpClient): Promise<View> {
  const { results } = (await database.get('/_changes')).json
  return new Map(results.map((row: Row) => [row.id, stateOf(row)]))
}

/** New documents, new versions and deletions. */
async function writeSome(random: SeededRandom, database: HttpClient): Promise<void> {
  const there = await viewOf(database)
  const ids = new Set(Array.from({ length: 1 + random.below(8) }, () => `doc-${random.below(DOCS)}`))
  const docs = [...ids].map(_id => {
    const [_rev, deleted] = there.get(_id)?.split(' ') ?? []
    if (_rev === undefined || deleted !== undefined) return { _id, v: random.next() }
    return random.chance(0.25) ? { _id, _rev, _deleted: true } : { _id, _rev, v: random.next() }
  })
  const { json } = await database.post('/_bulk_docs', { docs })
  if (!json.every((row: { ok?: boolean }) => row.ok)) throw new Error(`not written: ${JSON.stringify(json)}`)
}

t.test('a client for which sequences are opaque misses nothing, whatever becomes of the server', async t => {
  const random = seededRandom(t)
  const server = await serverWithCopies(t)
  const database = httpClient(`${server.url}${DATABASE}`, server.basic)
  const followers = [new Follower(false), new Follower(true)] as const
  await database.put('')
  await server.copyAside('running')

  const write = () => writeSome(random, database)
  const events: Readonly<Record<string, () => Promise<unknown>>> = {
    write,
    'write and restart': () => write().then(() => server.restart()),
    'copy aside': () => server.copyAside(random.pick(['closed', 'running'])),
    'copy back': () => server.copyBack(),
    'delete and make anew': () => database.delete('').then(() => database.put('')),
  }
  const happened: string[] = []
  for (let round = 0; round < rounds(20, 600); round++) {
    const event = random.chance(0.5) ? 'write' : random.pick(Object.keys(events))
    happened.push(event)
    await events[event]?.()
    for (const follower of followers) {
      if (random.chance(0.3)) await follower.readAll(database)
      else if (random.chance(0.5)) await follower.read(database, 1 + random.below(10))
    }
    if (!random.chance(0.3)) continue
    await check(t, followers, database, happened)
  }
  await check(t, followers, database, happened)
})

async function check(
  t: {
    same(found: unknown, wanted: unknown, message: string): unknown
    match(found: unknown, wanted: unknown, message: string): unknown
  },
  [opaque, heeding]: readonly [Follower, Follower],
  database: HttpClient,
  happened: readonly string[],
): Promise<void> {
  for (const follower of [opaque, heeding]) await follower.readAll(database)
  const now = await viewOf(database)
  const after = `after ${happened.length}: ${happened.slice(-6).join(', ')}`
  t.same(
    new Map([...opaque.view].filter(([id]) => now.has(id))),
    now,
    `all that is there has been told ${after}`,
  )
  t.same(heeding.view, now, `and nothing else to who heeds rewound, ${after}`)
}
