import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { eventually } from '../../../fixtures/eventually.ts'
import { httpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

/** A live feed as it comes in. */
type OpenFeed = {
  readonly answer: IncomingMessage
  /** All text so far. */
  text(): string
  /** Its lines that are not heartbeats. */
  lines(): string[]
  readonly ended: Promise<unknown>
  abort(): void
}

async function openFeed(t: Test, path: string, authorization: string): Promise<OpenFeed> {
  const asked: ClientRequest = request(`${server.url}/me/_changes?${path}`, {
    headers: { Authorization: authorization, Accept: 'application/json' },
    agent: false,
  })
  t.teardown(() => asked.destroy())
  asked.on('error', () => {})
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  answer.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  answer.on('error', () => {})
  return {
    answer,
    text: () => text,
    lines: () => text.split('\n').filter(line => line !== ''),
    ended: new Promise(resolve => answer.once('close', resolve)),
    abort: () => asked.destroy(),
  }
}

const server = await runningServer(t)
let users = 0

/** A new user's database with one document in it, and how he opens feeds. */
async function start(t: Test) {
  const user = `user-${users++}`
  const mine = httpClient(`${server.url}/me`, server.bearer(user))
  await mine.put('/first', {})
  const since: string = (await mine.get('/_changes')).json.last_seq
  const open = (query: string, authorization = server.bearer(user)) => openFeed(t, query, authorization)
  return { user, mine, since, open }
}

t.test('a longpoll answers what is there at once', async t => {
  const { mine } = await start(t)
  t.match((await mine.get('/_changes?feed=longpoll')).json, { results: [{ id: 'first' }], pending: 0 })
})

t.test('a longpoll answers what comes', async t => {
  const { mine, since, open } = await start(t)
  const feed = await open(`feed=longpoll&since=${since}&heartbeat=10000&limit=100`)
  await sleep(100)
  t.equal(feed.text().trim(), '{"results":[', 'the answer has begun')
  await mine.put('/second', {})
  await feed.ended
  t.match(JSON.parse(feed.text()), { results: [{ id: 'second' }], last_seq: /^2-/, pending: 0 })
})

t.test('a row with large attachments comes in pieces, and no heartbeat within it', async t => {
  const { mine, since, open } = await start(t)
  const data = Buffer.alloc(12 * 1024 * 1024, 'photo').toString('base64')
  await mine.put('/second', { _attachments: { f: { data } } })
  const feed = await open(
    `feed=continuous&since=${since}&heartbeat=100&include_docs=true&attachments=true&limit=1`,
  )
  for (let pause = 0; pause < 3; pause++) {
    feed.answer.pause()
    await sleep(150)
    feed.answer.resume()
    await sleep(5)
  }
  await feed.ended
  const [row, end] = feed.lines().map(line => JSON.parse(line))
  t.equal(row.doc._attachments.f.data, data)
  t.match(end, { pending: 0 })
})

t.test('a longpoll for now is answered at once, with the place to go on from', async t => {
  const { mine, since } = await start(t)
  const { json } = await mine.get('/_changes?feed=longpoll&since=now&heartbeat=60000')
  t.strictSame(json, { results: [], last_seq: since, pending: 0 })
})

t.test('a live feed of too many named documents is refused, a page of them is not', async t => {
  const { mine } = await start(t)
  const body = { doc_ids: Array.from({ length: 3000 }, (_, i) => `session:${String(i).padStart(50, '0')}`) }
  for (const feed of ['longpoll', 'continuous', 'eventsource']) {
    const refused = await mine.post(`/_changes?feed=${feed}&filter=_doc_ids`, body)
    t.match(refused, { status: 413, json: { reason: /doc_ids/ } }, feed)
  }
  t.match(await mine.post('/_changes?filter=_doc_ids', body), { status: 200, json: { results: [] } })
})

t.test('a longpoll with nothing to tell ends valid after its timeout', async t => {
  const { mine, since } = await start(t)
  const { json } = await mine.get(`/_changes?feed=longpoll&since=${since}&timeout=50`)
  t.strictSame(json, { results: [], last_seq: since, pending: 0 })
  const both = await mine.get(`/_changes?feed=longpoll&since=${since}&timeout=50&heartbeat=10000`)
  t.strictSame(both.json, json)
})

t.test(
  'heartbeats come from the first moment, through a filter without hits, and are white space',
  async t => {
    const { mine, since, open } = await start(t)
    const path = `feed=longpoll&since=${since}&heartbeat=100&filter=_doc_ids&doc_ids=["wanted"]`
    const feed = await open(path)
    await eventually(() => /\n\n\n/.test(feed.text()), 'heartbeats')
    await mine.put('/unwanted', {})
    const before = feed.text().length
    await eventually(() => feed.text().length > before + 1, 'heartbeats after a row that was passed over')
    await mine.put('/wanted', {})
    await feed.ended
    t.match(JSON.parse(feed.text()), { results: [{ id: 'wanted' }], last_seq: /^3-/ })
  },
)

t.test('a continuous feed goes on line by line until its limit', async t => {
  const { mine, open } = await start(t)
  const feed = await open('feed=continuous&heartbeat=100&limit=3&include_docs=true')
  await eventually(() => feed.lines().length === 1, 'the first row')
  await mine.put('/second', { v: 2 })
  await eventually(() => feed.lines().length === 2, 'the second row')
  await mine.put('/third', {})
  await feed.ended
  const rows = feed.lines().map(line => JSON.parse(line))
  t.match(rows, [
    { id: 'first' },
    { id: 'second', doc: { v: 2 } },
    { id: 'third' },
    { last_seq: /^3-/, pending: 0 },
  ])
})

t.test('an event source gets events', async t => {
  const { mine, since, open } = await start(t)
  const feed = await open('feed=eventsource&heartbeat=10000')
  t.equal(feed.answer.headers['content-type'], 'text/event-stream')
  await mine.put('/second', {})
  await eventually(() => feed.text().includes('second'), 'the second row')
  t.match(feed.text(), /^data: \{.*"first".*\}\nid: "1-\w+"\n\ndata: \{.*"second".*\}\nid: "2-\w+"\n\n$/)
  const resumed = await mine.send('GET', '/_changes', { headers: { 'Last-Event-ID': `"${since}"` } })
  t.match(resumed.json.results, [{ id: 'second' }])
})

t.test('a client that goes leaves nothing behind', async t => {
  const { user, since, open } = await start(t)
  const name = `userdb-${Buffer.from(user).toString('hex')}`
  const database = server.store.database(name)
  let listening = 0
  const prototype = Object.getPrototypeOf(database)
  const { onChange } = prototype
  prototype.onChange = function (listener: () => void) {
    listening++
    const stop = onChange.call(this, listener)
    return () => {
      listening--
      stop()
    }
  }
  t.teardown(() => {
    prototype.onChange = onChange
  })
  const feeds = await Promise.all(
    ['longpoll', 'continuous', 'eventsource'].map(feed =>
      open(`feed=${feed}&since=${since}&heartbeat=10000`),
    ),
  )
  await eventually(() => listening === 3, 'three feeds wait')
  for (const feed of feeds) feed.abort()
  await eventually(() => listening === 0, 'none is left')
})

/** A waiting feed of each kind, and what each has to have said when it was ended. */
async function feedsOfAllKinds(since: string, open: (query: string) => Promise<OpenFeed>) {
  const filter = '&filter=_doc_ids&doc_ids=["nothing"]'
  const kinds = { normal: '', filtered: filter, longpoll: '', continuous: '', eventsource: '' }
  const feeds = await Promise.all(
    Object.entries(kinds).map(async ([kind, query]) => {
      const feed = kind === 'filtered' ? 'longpoll' : kind
      return [kind, await open(`feed=${feed}&since=${since}&heartbeat=10000${query}`)] as const
    }),
  )
  return async (t: Test) => {
    for (const [kind, feed] of feeds) {
      await feed.ended
      t.equal(feed.answer.complete, true, `${kind} was not cut`)
      if (kind === 'eventsource') t.equal(feed.text(), '')
      else if (kind === 'continuous') t.strictSame(JSON.parse(feed.text()), { last_seq: since, pending: 0 })
      else t.strictSame(JSON.parse(feed.text()), { results: [], last_seq: since, pending: 0 }, kind)
    }
  }
}

t.test('a token that runs out ends its feeds in order, and the next request meets an empty 401', async t => {
  const { user, since, open } = await start(t)
  const authorization = `Bearer ${server.token(user, 2)}`
  const checkEnds = await feedsOfAllKinds(since, query => open(query, authorization))
  await checkEnds(t)
  for (const feed of ['normal', 'longpoll', 'continuous', 'eventsource']) {
    const next = await open(`feed=${feed}&since=${since}`, authorization)
    await next.ended
    t.equal(next.answer.statusCode, 401)
    t.equal(next.text(), '')
  }
})

t.test('feeds beyond what a browser can hold end soon, empty and valid, whatever others write', async t => {
  const { mine, since, open } = await start(t)
  const path = `feed=longpoll&since=${since}&heartbeat=10000&filter=_doc_ids&doc_ids=["second"]`
  const feeds = await Promise.all(Array.from({ length: 4 }, () => open(path)))
  const fifth = await open(path)
  const began = Date.now()
  const others = setInterval(() => void mine.post('', {}), 400)
  t.teardown(() => clearInterval(others))
  await fifth.ended
  clearInterval(others)
  t.ok(Date.now() - began < 10_000)
  t.match(JSON.parse(fifth.text()), { results: [], last_seq: String })
  t.ok(
    feeds.every(feed => !feed.answer.complete),
    'the first four wait on',
  )
  await mine.put('/second', {})
  await Promise.all(feeds.map(feed => feed.ended))
})

t.test('a server that closes ends feeds of every kind in order', async t => {
  const { since, open } = await start(t)
  const checkEnds = await feedsOfAllKinds(since, query => open(query))
  await server.close()
  await checkEnds(t)
})
