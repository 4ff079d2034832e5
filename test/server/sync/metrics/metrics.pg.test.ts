import { randomUUID } from 'node:crypto'
import t from 'tap'
import { httpClient } from '../../../fixtures/http-client.ts'
import { mirror } from '../../../fixtures/mirror.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'

const START = 1_700_000_000_000
const EVERY_MS = 20
/** A long session. */
const SAMPLES = rounds(5000, 50_000)

t.test('the samples of a long session go up in pieces of any order, twice, and are rows once', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const session = randomUUID()
  const path = `/api/sessions/${session}/metrics`
  const client = httpClient(program.server.url, program.server.bearer(user.sub))
  const samples = Array.from({ length: SAMPLES }, (_, nth) => ({
    timestamp: START + nth * EVERY_MS,
    load: nth / 8,
    status: nth % 3,
  }))
  const cuts = Array.from({ length: 20 }, () => random.below(SAMPLES)).sort((a, b) => a - b)
  const pieces = [0, ...cuts].map((from, n) => samples.slice(from, cuts[n]))
  const overlapping = Array.from({ length: 3 }, () => {
    const from = random.below(SAMPLES)
    return samples.slice(from, from + random.below(2000))
  })
  const shuffled = <T>(list: readonly T[]) =>
    list
      .map(item => [random.next(), item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item)
  const all = shuffled([...pieces, ...pieces, ...overlapping])
  for (const [n, piece] of all.entries()) {
    const sent = n % 3 === 0 ? shuffled(piece) : piece
    const reply = await client.post(path, { deviceId: `phone-${n % 2}`, samples: sent })
    t.match(reply, { status: 201, json: { uploaded: piece.length } })
  }

  const told = async (query = '') =>
    (await client.get(path + query)).json.samples.map(({ timestamp, load, status }: (typeof samples)[0]) => {
      return { timestamp, load, status }
    })
  t.equal(JSON.stringify(await told()), JSON.stringify(samples), 'down in the order of time')
  const [first, last] = [SAMPLES / 4, SAMPLES / 2].map(nth => START + nth * EVERY_MS)
  const part = samples.slice(SAMPLES / 4, SAMPLES / 2 + 1)
  t.equal(JSON.stringify(await told(`?from=${first}&to=${last}`)), JSON.stringify(part))
  const chart = part.filter((_, nth) => nth % 50 === 0)
  t.equal(JSON.stringify(await told(`?from=${first}&to=${last}&every=1000`)), JSON.stringify(chart))

  await user.mirrored()
  const rows = await program.sql(
    'select session_id, timestamp::text, load, status from metric_samples where user_id = $1 order by timestamp',
    [user.sub],
  )
  const expected = samples.map(({ timestamp, load, status }) => ({
    session_id: session,
    timestamp: String(timestamp),
    load,
    status,
  }))
  t.equal(JSON.stringify(rows), JSON.stringify(expected), 'each is a row once')
  t.strictSame(await program.sql('select * from divan.dead_letters'), [])
  const feed = (await client.get('/me/_changes?include_docs=true')).json
  t.strictSame(feed.results, [], 'the feed of the main database has none of it')
})
