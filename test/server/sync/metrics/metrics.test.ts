import { randomUUID } from 'node:crypto'
import t from 'tap'
import { rowId } from '../../../../design-docs/row-id.ts'
import { metricsDbName, userDbName } from '../../../../design-docs/user-db.ts'
import { eventually } from '../../../fixtures/eventually.ts'
import { httpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { sessionDoc } from '../../../fixtures/workout.ts'

const server = await runningServer(t)
const admin = httpClient(server.url, server.basic)

const START = 1_700_000_000_000
const minuteOf = (time: number) => time - (time % 60_000)
const DEVICE = 'phone-1'

type Members = Readonly<Record<string, unknown>>

/** A user with an app, and one session's samples. */
function newUser(session: string = randomUUID(), sub: string = randomUUID()) {
  const client = httpClient(server.url, server.bearer(sub))
  const path = `/api/sessions/${encodeURIComponent(session)}/metrics`
  return {
    sub,
    session,
    client,
    upload: (samples: unknown, deviceId: unknown = DEVICE) => client.post(path, { deviceId, samples }),
    read: (query = '') => client.get(path + query),
    stored: () => storedRows(sub),
  }
}

async function storedRows(sub: string) {
  const { json } = await admin.get(`/${metricsDbName(sub)}/_all_docs?include_docs=true`)
  return json.rows as readonly {
    readonly id: string
    readonly value: { readonly rev: string }
    readonly doc: Members & { readonly samples: readonly Members[] }
  }[]
}

function samplesFrom(first: number, count: number, everyMs = 100): Members[] {
  return Array.from({ length: count }, (_, index) => {
    const nth = first + index
    return { timestamp: START + nth * everyMs, position: nth / 4, velocity: -nth, load: 20.5, power: null }
  })
}

const FULL = {
  position: null,
  positionB: null,
  velocity: null,
  velocityB: null,
  load: null,
  loadB: null,
  power: null,
  status: 0,
}
const full = (samples: readonly Members[]) => samples.map(sample => ({ ...FULL, ...sample }))

t.test('samples are uploaded, stored in the second database and read back in full', async t => {
  const { upload, read, stored, session, client, sub } = newUser()
  const samples = samplesFrom(0, 3000)
  const uploaded = await upload(samples)
  t.match(uploaded, { status: 201, json: { uploaded: 3000 } })
  const { status, json } = await read()
  t.equal(status, 200)
  t.strictSame(Object.keys(json), ['sessionId', 'samples'])
  t.equal(json.sessionId, session)
  t.strictSame(json.samples, full(samples))
  const docs = await stored()
  t.ok(docs.length > 1 && docs.every(({ doc }) => doc.samples.length <= 2000))
  t.match(docs[0]?.doc, { type: 'metrics', sessionId: session, deviceId: DEVICE })
  t.strictSame((await client.get('/me-metrics/_problems')).json.problems, [])
  t.equal((await client.get('/me')).json.doc_count, 0, 'the main database has nothing of it')
  t.strictSame((await client.get('/me/_changes')).json.results, [])
  t.equal((await admin.get(`/${userDbName(sub)}`)).status, 200)
})

t.test(
  'uploads that overlap, in any order and cut, leave each sample once, and a replay writes nothing',
  async t => {
    const random = seededRandom(t)
    const { upload, read, stored } = newUser()
    // Two sensors may speak in one millisecond.
    const samples = samplesFrom(0, 4000, 40).flatMap(sample =>
      random.chance(0.1) ? [sample, { ...sample, position: random.next() }] : [sample],
    )
    const pieces = Array.from({ length: 12 }, () => {
      const from = random.below(samples.length)
      return samples.slice(from, from + 1 + random.below(900))
    })
    pieces.push(...[0, 1, 2, 3, 4].map(nth => samples.slice(nth * 1000, (nth + 1) * 1000)))
    for (const piece of [...pieces].sort(() => random.next() - 0.5)) {
      const shuffled = random.chance(0.3) ? [...piece].sort(() => random.next() - 0.5) : piece
      t.match(await upload(shuffled), { status: 201, json: { uploaded: piece.length } })
    }
    const text = ({ timestamp, position }: Members) => `${timestamp} ${position}`
    const told = (await read()).json.samples as Members[]
    t.equal(told.map(text).sort().join(), samples.map(text).sort().join())
    t.strictSame(
      told.map(({ timestamp }) => timestamp),
      samples.map(({ timestamp }) => timestamp),
      'in the order of time',
    )
    const before = await stored()
    await upload(samples)
    t.equal(JSON.stringify(await stored()), JSON.stringify(before))
  },
)

t.test('uploads of one session at the same time lose nothing, from whichever device', async t => {
  const { upload, read } = newUser()
  const samples = samplesFrom(0, 1000)
  const pieces = Array.from({ length: 10 }, (_, nth) => samples.slice(nth * 90, nth * 90 + 200))
  await Promise.all(pieces.map((piece, nth) => upload(piece, `phone-${nth % 2}`)))
  t.strictSame((await read()).json.samples, full(samples))
})

t.test(
  'an app that knows few fields neither wipes nor doubles what one that knows more has sent',
  async t => {
    const [sample = {}] = samplesFrom(0, 1)
    const more = { ...sample, loadB: 7, status: 3, temperature: 21.5, tags: { a: [1, null] } }
    for (const order of [
      [sample, more],
      [more, sample],
    ]) {
      const { upload, read, stored } = newUser()
      for (const one of order) await upload([one])
      t.strictSame((await read()).json.samples, full([more]))
      t.equal((await stored()).length, 1)
    }
    const { upload, read, stored } = newUser()
    await upload([
      { timestamp: START, status: 0, load: null, loadB: 1.0 },
      JSON.parse('{"timestamp":1,"__proto__":5}'),
    ])
    await upload([{ loadB: 1, timestamp: START }])
    t.match(
      (await read()).text,
      /"__proto__":5/,
      'members that nobody knows are kept, whatever they are called',
    )
    t.strictSame(
      (await stored()).map(({ doc }) => doc.samples.length),
      [1, 1],
      'absent, null and a default are the same',
    )
  },
)

t.test('a minute that is full takes nothing new, but what it has already', async t => {
  const { upload, read } = newUser()
  const wide = (from: number, count: number) =>
    samplesFrom(from, count, 0).map((sample, n) => ({
      ...sample,
      timestamp: START + n,
      load: from + n,
      note,
    }))
  const note = 'n'.repeat(8_000)
  // 64 documents of half a mebibyte.
  for (let from = 0; from < 4500; from += 1500) await upload(wide(from, 1500))
  const full = await upload(wide(9000, 10))
  t.strictSame(
    [full.status, full.json],
    [413, { error: `The minute at ${minuteOf(START)} has too many samples already.` }],
  )
  let turns = 0
  const counted = setInterval(() => ++turns, 0)
  t.match(await upload(wide(0, 10)), { status: 201 }, 'a replay')
  clearInterval(counted)
  t.ok(turns > 20, `others had their turn ${turns} times`)
  t.match(await upload(samplesFrom(0, 3, 60_000).slice(1)), { status: 201 }, 'nor do other minutes')
  t.equal((await read(`?to=${START}`)).json.samples.length, 3)
})

t.test('small pieces leave no heap of what documents were before', async t => {
  const { upload, read, sub } = newUser()
  const samples = samplesFrom(0, 560, 100).map(sample => ({ ...sample, note: 'n'.repeat(500) }))
  for (let from = 0; from < samples.length; from += 8) await upload(samples.slice(from, from + 8))
  t.strictSame((await read()).json.samples, full(samples))
  await eventually(async () => {
    const { sizes } = (await admin.get(`/${metricsDbName(sub)}`)).json
    return sizes.file < 2 * sizes.active + 5_000_000
  }, 'it is compacted')
})

t.test('from, to and every choose samples', async t => {
  const { upload, read } = newUser()
  const samples = samplesFrom(0, 2000, 50)
  await upload(samples)
  const times = async (query: string) =>
    ((await read(query)).json.samples as Members[]).map(({ timestamp }) => Number(timestamp) - START)
  t.strictSame(await times(`?from=${START + 100}&to=${START + 200}`), [100, 150, 200])
  t.strictSame(await times(`?to=${START + 60}`), [0, 50])
  t.strictSame(await times(`?from=${START + 99_901}`), [99_950])
  t.strictSame(await times(`?from=${START + 10}&to=${START + 500}&every=120`), [50, 200, 350, 500])
  t.strictSame(await times('?every=40000'), [0, 40_000, 80_000])
  t.equal((await times('?every=1')).length, 2000)
  t.strictSame(await times('?from=5&to=4'), [])
  for (const query of ['from=x', 'to=1.5', 'every=0', 'every=-3']) {
    const { status, json } = await read(`?${query}`)
    t.equal(status, 400)
    t.match(json.error, new RegExp(`"${query.split('=')[0]}": it must be a whole number`))
  }
})

t.test('a bad sample refuses its upload, is named, and nothing of it is stored', async t => {
  const { upload, read, client, session } = newUser()
  const with7 = (sample: unknown) => Object.assign(samplesFrom(0, 9), { 7: sample })
  const cases: readonly (readonly [unknown, string])[] = [
    [{ load: 1 }, 'samples[7].timestamp: This member is required.'],
    [{ timestamp: null }, 'samples[7].timestamp: This member is required.'],
    [{ timestamp: 'now' }, 'samples[7].timestamp: Expected a whole number, found text.'],
    [{ timestamp: 1.5 }, 'samples[7].timestamp: Expected a whole number, found a fraction.'],
    [{ timestamp: 1, loadB: [] }, 'samples[7].loadB: Expected a number, found a list.'],
    [{ timestamp: 1, status: 2 ** 40 }, 'samples[7].status: The number does not fit a 32-bit integer.'],
    [{ timestamp: 1, x: 'y'.repeat(20_000) }, 'samples[7]: The sample has more than 16384 characters.'],
    [null, 'samples[7]: Expected an object.'],
    [[], 'samples[7]: Expected an object.'],
  ]
  for (const [sample, error] of cases) {
    const { status, json } = await upload(with7(sample))
    t.strictSame({ status, json }, { status: 400, json: { error } })
  }
  t.equal((await read()).status, 404)
  const path = `/api/sessions/${session}/metrics`
  const envelopes: readonly (readonly [unknown, string])[] = [
    [{ samples: [] }, 'deviceId: This member is required.'],
    [{ deviceId: 'a:b', samples: [] }, 'deviceId: The text does not match'],
    [{ deviceId: 7, samples: [] }, 'deviceId: Expected text, found a number.'],
    [{ deviceId: DEVICE }, 'samples: This member is required.'],
    [{ deviceId: DEVICE, samples: {} }, 'samples: Expected a list of objects.'],
    [[], 'Send a JSON object with a deviceId and samples.'],
  ]
  for (const [body, error] of envelopes) {
    const answer = await client.post(path, body)
    t.equal(answer.status, 400)
    t.ok(String(answer.json.error).startsWith(error), answer.text)
  }
  const deep = `{"deviceId":"${DEVICE}","samples":[{"timestamp":1,"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}]}`
  t.match(await client.send('POST', path, { body: deep }), { status: 400 })
  t.match(await upload([]), { status: 201, json: { uploaded: 0 } })
})

t.test('a session is named by its client id, in any case, or by the server id', async t => {
  const own = newUser()
  const { session, sub, client, upload } = own
  await client.put(`/me/session:${session}`, sessionDoc({ _id: `session:${session}`, clientId: session }))
  const samples = samplesFrom(0, 30)
  await upload(samples.slice(0, 20))
  const byServerId = newUser(rowId(sub, `session:${session}`), sub)
  const shouted = newUser(session.toUpperCase(), sub)
  t.match(await byServerId.upload(samples.slice(10)), { status: 201 })
  t.match(await shouted.upload(samples), { status: 201 })
  for (const { read, session: name } of [own, byServerId, shouted])
    t.strictSame((await read()).json, { sessionId: name, samples: full(samples) })
  t.equal((await storedRows(sub)).length, 1)
  await client.delete(`/me/session:${session}?rev=${(await client.get(`/me/session:${session}`)).json._rev}`)
  t.equal((await byServerId.read()).json.samples.length, 30, 'of a deleted session, too')
})

t.test('a client id that is no UUID is its device’s', async t => {
  const sub = randomUUID()
  const one = newUser('7', sub)
  await one.upload(samplesFrom(0, 2), 'phone-a')
  await one.upload(samplesFrom(5, 1), 'phone-b')
  t.strictSame((await one.read('?deviceId=phone-a')).json.samples, full(samplesFrom(0, 2)))
  t.strictSame((await newUser('phone-b:7', sub).read()).json.samples, full(samplesFrom(5, 1)))
  const session = (deviceId: string) => sessionDoc({ _id: `session:${deviceId}:7`, clientId: '7', deviceId })
  await one.client.put('/me/session:phone-a:7', session('phone-a'))
  t.strictSame((await one.read()).json.samples, full(samplesFrom(0, 2)), 'one device has such a session')
  await one.client.put('/me/session:phone-b:7', session('phone-b'))
  t.match(await one.read(), { status: 400, json: { error: /^sessionId: 2 devices/ } })
  t.match(await newUser('phone-b:7', sub).upload(samplesFrom(9, 1), 'phone-a'), { status: 201 })
  t.strictSame(
    (await newUser('phone-b:7', sub).read()).json.samples,
    full([...samplesFrom(5, 1), ...samplesFrom(9, 1)]),
  )
})

t.test('a session without samples has none, and another user’s is not there', async t => {
  const { session, client, read, upload, sub } = newUser()
  t.match(await read(), { status: 404 })
  await client.put(`/me/session:${session}`, sessionDoc({ _id: `session:${session}`, clientId: session }))
  t.match(await read(), { status: 200, json: { sessionId: session, samples: [] } })
  t.equal((await admin.get(`/${metricsDbName(sub)}`)).status, 404, 'who only asks makes no database')
  await upload(samplesFrom(0, 5))
  const other = newUser(session)
  t.strictSame((await other.read()).json, { error: 'You have no such session.' })
  await other.upload(samplesFrom(9, 1))
  t.strictSame((await other.read()).json.samples, full(samplesFrom(9, 1)))
  t.equal((await read()).json.samples.length, 5)
  t.match(await httpClient(server.url, '').get(`/api/sessions/${session}/metrics`), {
    status: 401,
    json: { error: /./ },
  })
})

t.test('what a device that replicates wrote is told, too: in order, and unless it does not fit', async t => {
  const { session, client, read, upload } = newUser()
  const put = (chunk: string, samples: unknown, more: Members = {}) =>
    client.put(`/me-metrics/metrics:${session}:${chunk}`, { sessionId: session, samples, ...more })
  const samples = samplesFrom(0, 60)
  await put(
    '0',
    samples.filter((_, nth) => nth % 3 === 0),
  )
  await put('1', samples.filter((_, nth) => nth % 3 === 1).reverse())
  await put('bad', [{ load: 1 }])
  await upload(samples.filter((_, nth) => nth % 3 === 2))
  t.strictSame((await read()).json.samples, full(samples))
  await put('longer', [{ timestamp: START - 1 }], { sessionId: `${session}:longer` })
  t.equal((await read()).json.samples.length, 60, 'of another session')
})

t.test('a chunk that a device has written in conflict is added to where its rows are shown', async t => {
  const { client, upload, read, stored } = newUser()
  await upload(samplesFrom(0, 2))
  const [row] = await stored()
  const rivals = ['aa', 'ff'].map((sig, nth) => ({
    ...row?.doc,
    _id: row?.id,
    _rev: `1-${sig.repeat(16)}`,
    updatedAt: Date.now() + 60_000 * (2 - nth),
    samples: samplesFrom(10 * nth, 2),
  }))
  await client.post('/me-metrics/_bulk_docs', { new_edits: false, docs: rivals })
  t.strictSame((await read()).json.samples, full(samplesFrom(0, 2)))
  await upload(samplesFrom(30, 1))
  t.strictSame((await read()).json.samples, full([...samplesFrom(0, 2), ...samplesFrom(30, 1)]))
})

t.test('a hundred thousand samples, also of one millisecond, are stored and streamed in pieces', async t => {
  const { upload, read, client, session, stored } = newUser()
  const samples = samplesFrom(0, 100_000, 10)
  const begun = Date.now()
  t.match(await upload(samples), { status: 201, json: { uploaded: 100_000 } })
  const ended = Date.now()
  const { json } = await read()
  t.comment(`stored in ${ended - begun} ms, read in ${Date.now() - ended} ms`)
  t.equal(json.samples.length, 100_000)
  t.ok(json.samples.every((sample: Members, nth: number) => sample.timestamp === START + nth * 10))
  t.equal((await read('?every=1000')).json.samples.length, 1000)
  t.ok((await stored()).every(({ doc }) => doc.samples.length <= 2000))
  t.match(await upload([...samples, { timestamp: 1 }]), {
    status: 413,
    json: { error: /^samples: There are 100001/ },
  })

  const dense = newUser()
  const moment = samples.slice(0, 30_000).map(sample => ({ ...sample, timestamp: START }))
  t.match(await dense.upload(moment), { status: 201 })
  t.equal((await dense.read()).json.samples.length, 30_000)
  const half = await fetch(`${server.url}/api/sessions/${session}/metrics`, {
    headers: { Authorization: server.bearer(dense.sub) },
  })
  await half.body?.cancel()
  t.equal((await client.get('/me/_changes')).json.results.length, 0)
})
