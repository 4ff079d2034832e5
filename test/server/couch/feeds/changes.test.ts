import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { adminDatabase, type HttpClient, httpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)

/** Three documents: a, with a conflict; b, deleted; c. Their changes in this order. */
async function fill(database: HttpClient): Promise<void> {
  const docs = [
    { _id: 'a', v: 1, _revisions: { start: 1, ids: ['x'] } },
    { _id: 'b', v: 2, _rev: '1-x' },
    { _id: 'a', v: 3, _revisions: { start: 2, ids: ['b', 'x'] } },
    { _id: 'a', v: 4, _revisions: { start: 2, ids: ['a', 'x'] } },
    { _id: 'b', _deleted: true, gone: 1, _revisions: { start: 2, ids: ['y', 'x'] } },
    { _id: 'c', v: 5, _rev: '1-x' },
  ]
  t.strictSame((await database.post('/_bulk_docs', { docs, new_edits: false })).json, [])
}

/** `id` of each row. */
function ids(json: { results: { id: string }[] }): string {
  return json.results.map(row => row.id).join(' ')
}

t.test('rows as CouchDB has them', async t => {
  const database = await adminDatabase(server, 'rows')
  await fill(database)
  const { json, headers } = await database.get('/_changes')
  t.match(json.results, [
    { seq: /^4-[0-9a-z]+$/, id: 'a', changes: [{ rev: '2-b' }] },
    { seq: /^5-/, id: 'b', changes: [{ rev: '2-y' }], deleted: true },
    { seq: /^6-/, id: 'c', changes: [{ rev: '1-x' }] },
  ])
  t.equal(json.results.length, 3)
  t.notOk('deleted' in json.results[0] || 'doc' in json.results[0])
  t.equal(json.last_seq, json.results[2].seq)
  t.equal(json.pending, 0)
  t.equal(headers.get('x-accel-buffering'), 'no')

  const all = await database.get('/_changes?style=all_docs')
  t.strictSame(all.json.results[0].changes, [{ rev: '2-b' }, { rev: '2-a' }])
})

t.test('pages follow one another by since and limit', async t => {
  const database = await adminDatabase(server, 'pages')
  await fill(database)
  const first = (await database.get('/_changes?limit=2')).json
  t.equal(ids(first), 'a b')
  t.equal(first.pending, 1)
  const second = (await database.get(`/_changes?limit=2&since=${first.last_seq}`)).json
  t.equal(ids(second), 'c')
  t.equal(second.pending, 0)
  const end = (await database.get(`/_changes?since="${second.last_seq}"`)).json
  t.strictSame(end, { results: [], last_seq: second.last_seq, pending: 0 })
  t.strictSame((await database.get('/_changes?since=now')).json, end)
  const none = (await database.get('/_changes?limit=0')).json
  t.match(none, { results: [], pending: 3 })
  t.notOk('rewound' in none)
})

t.test('a since that was never issued here leads to the beginning and says so', async t => {
  const database = await adminDatabase(server, 'rewound')
  await fill(database)
  for (const since of ['7-unknown', '99', 'rubbish', '[12,"abc"]']) {
    const { json } = await database.get(`/_changes?since=${encodeURIComponent(since)}`)
    t.equal(ids(json), 'a b c', since)
  }
  t.equal((await database.get('/_changes?since=7-unknown')).json.rewound, true)
  const { last_seq } = (await database.get('/_changes')).json
  const beyond = await database.get(`/_changes?since=${last_seq.replace(/^\d+/, '1000')}`)
  t.match(beyond.json, { results: [], last_seq, rewound: true })
})

t.test('a client that has seen more than there is has the replication logs forgotten, once', async t => {
  const database = await adminDatabase(server, 'ahead')
  await fill(database)
  const { last_seq } = (await database.get('/_changes')).json
  const write = () => database.put('/_local/log', { session_id: 'x', history: [], last_seq: 1 })
  await write()
  await database.put('/_local/app', { theme: 'dark' })
  const isThere = async (name: string) => (await database.get(`/_local/${name}`)).status === 200
  for (const since of [
    'now',
    '0',
    last_seq,
    '0-unknown',
    '99',
    'rubbish',
    '2020-02-30T00:00:00Z',
    '2020-01-01T00:00:00Z',
  ]) {
    await database.get(`/_changes?since=${since}`)
    t.ok(await isThere('log'), `${since} proves nothing`)
  }
  const beyond = last_seq.replace(/^\d+/, '1000')
  t.equal((await database.post(`/_changes?since=${beyond}&feed=longpoll&timeout=1`, {})).json.rewound, true)
  t.notOk(await isThere('log'))
  t.ok(await isThere('app'))
  await write()
  await database.get(`/_changes?since=${beyond}`)
  await database.get('/_changes?since=7-unknown')
  t.ok(await isThere('log'), 'what is written from now on is true')
  t.match((await database.get('/_changes?since=now')).json.last_seq, last_seq, 'and all this was no change')
})

t.test('a since may be a time', async t => {
  const database = await adminDatabase(server, 'times')
  const times: number[] = []
  for (const _id of ['a', 'b', 'c']) {
    await sleep(5)
    times.push(Date.now())
    await database.post('', { _id })
  }
  const at = (index: number) => new Date(times[index] ?? 0).toISOString()
  const local = (index: number) =>
    new Date((times[index] ?? 0) + 7_200_000).toISOString().replace('Z', '+02:00')
  const changes = async (query: string) => (await database.get(`/_changes?${query}`)).json
  for (const since of [at(1), `"${at(1)}"`, at(1).toLowerCase(), local(1), encodeURIComponent(local(1))]) {
    const answer = await changes(`since=${since}`)
    t.equal(ids(answer), 'b c', since)
    t.notOk('rewound' in answer)
  }
  t.equal(ids(await changes(`since=${at(0)}`)), 'a b c')
  t.equal(ids(await changes('since=9999-01-01T00:00:00Z')), '')
  t.match(await changes('since=2026-02-30T00:00:00Z'), { rewound: true, results: { length: 3 } })
  t.equal(ids(await changes(`since=${at(2)}&descending=true`)), 'b a', 'backwards: what was before')
  t.equal(ids(await changes(`since=${at(0)}&descending=true`)), '')
  t.equal(ids((await database.post('/_changes?filter=_doc_ids', { doc_ids: ['c'] })).json), 'c')
  t.equal(ids(await changes(`feed=longpoll&since=${at(2)}`)), 'c')
  const lines = (await database.get(`/_changes?feed=continuous&timeout=10&since=${at(1)}`)).text
    .trim()
    .split('\n')
  t.match(
    lines.map(line => JSON.parse(line).id),
    ['b', 'c', undefined],
  )
  const events = (await database.get(`/_changes?feed=eventsource&timeout=10&since=${at(2)}`)).text
  t.match(events, /"id":"c"/)
  t.notMatch(events, /"id":"b"/)
})

t.test('documents come along on every row, tombstones too', async t => {
  const database = await adminDatabase(server, 'docs')
  await fill(database)
  const { json } = await database.get('/_changes?include_docs=true&conflicts=true')
  t.strictSame(
    json.results.map((row: { doc: unknown }) => row.doc),
    [
      { _id: 'a', _rev: '2-b', _conflicts: ['2-a'], v: 3 },
      { _id: 'b', _rev: '2-y', _deleted: true, gone: 1 },
      { _id: 'c', _rev: '1-x', v: 5 },
    ],
  )
})

t.test('attachments are stubs, and with attachments=true their bytes', async t => {
  const database = await adminDatabase(server, 'attachments')
  const bytes = Buffer.alloc(300_001, 'photo')
  await database.put('/a', { _attachments: { f: { content_type: 'x/y', data: bytes.toString('base64') } } })
  const stub = (await database.get('/_changes?include_docs=true')).json.results[0].doc._attachments.f
  t.match(stub, { stub: true, length: 300_001 })
  const whole = (await database.get('/_changes?include_docs=true&attachments=true')).json
  t.equal(whole.results[0].doc._attachments.f.data, bytes.toString('base64'))
  const polled = await database.get('/_changes?feed=longpoll&include_docs=true&attachments=true')
  t.equal(polled.json.results[0].doc._attachments.f.data, bytes.toString('base64'))
})

t.test('last_live shows what a deleted document was, and every row its time', async t => {
  const database = await adminDatabase(server, 'last-live')
  await fill(database)
  await database.post('/_bulk_docs', {
    docs: [{ _id: 'never', _rev: '3-a', _deleted: true }],
    new_edits: false,
  })
  const { results } = (await database.get('/_changes?include_docs=true&last_live=true')).json
  t.ok(results.every((row: { time: number }) => Math.abs(row.time - Date.now()) < 60_000))
  t.notOk('last_live' in results[0])
  t.strictSame(results[1].last_live, { _id: 'b', _rev: '1-x', v: 2 })
  t.strictSame(results[3].last_live, null)
})

t.test('backwards from the newest', async t => {
  const database = await adminDatabase(server, 'backwards')
  await fill(database)
  t.equal(ids((await database.get('/_changes?descending=true')).json), 'c b a')
  t.equal(ids((await database.get('/_changes?descending=true&limit=1&feed=longpoll')).json), 'c')
})

t.test('only named documents, from the query or the body', async t => {
  const database = await adminDatabase(server, 'doc-ids')
  await fill(database)
  const path = '/_changes?filter=_doc_ids'
  t.equal(ids((await database.get(`${path}&doc_ids=["c","a","x"]`)).json), 'a c')
  const posted = (await database.post(path, { doc_ids: ['b'] })).json
  t.equal(ids(posted), 'b')
  t.match(posted.last_seq, /^6-/, 'what the filter passed over need not be asked for again')
  t.match(await database.get(path), { status: 400, json: { reason: /doc_ids/ } })
  t.match(await database.post(path, { doc_ids: 'b' }), { status: 400 })
})

t.test('of more named documents than are looked for one by one, each is told once and in order', async t => {
  const database = await adminDatabase(server, 'many-doc-ids')
  const docs = Array.from({ length: 6000 }, (_, n) => ({ _id: `doc-${n}` }))
  await database.post('/_bulk_docs', { docs })
  const path = '/_changes?filter=_doc_ids'
  const doc_ids = Array.from({ length: 20_001 }, (_, n) => `doc-${5800 + n}`)
  const named = docs.slice(5800).map(({ _id }) => _id)
  const told = (await database.post(path, { doc_ids })).json
  t.equal(ids(told), named.join(' '))
  t.match(told, { last_seq: /^6000-/, pending: 0 })
  const page = (await database.post(`${path}&limit=2`, { doc_ids })).json
  t.match(page, { results: { length: 2 }, last_seq: /^5802-/, pending: 198 })
  const backwards = (await database.post(`${path}&descending=true`, { doc_ids })).json
  t.equal(ids(backwards), named.toReversed().join(' '))
  const first = { doc_ids: doc_ids.with(0, 'doc-0') }
  t.equal(
    ids((await database.post(`${path}&descending=true`, first)).json)
      .split(' ')
      .at(-1),
    'doc-0',
  )
  const none = { doc_ids: doc_ids.map(id => `x${id}`) }
  t.match((await database.post(path, none)).json, { results: { length: 0 }, last_seq: /^6000-/ })
})

t.test('only design documents', async t => {
  const database = await adminDatabase(server, 'design')
  await fill(database)
  await database.put('/_design/x', {})
  t.equal(ids((await database.get('/_changes?filter=_design')).json), '_design/x')
})

t.test('a sequence only every so many rows', async t => {
  const database = await adminDatabase(server, 'interval')
  await fill(database)
  const { results } = (await database.get('/_changes?seq_interval=2')).json
  t.match(results, [{ seq: /^4-/ }, { seq: null }, { seq: /^6-/ }])
  const page = (await database.get('/_changes?seq_interval=2&limit=2')).json.results
  t.match(page, [{ seq: /^4-/ }, { seq: /^5-/ }])
})

type BadRequest = { readonly query: string; readonly status: number; readonly reason: RegExp }
const BAD_REQUESTS: readonly BadRequest[] = [
  { query: 'limit=x', status: 400, reason: /"limit"/ },
  { query: 'limit=-1', status: 400, reason: /"limit"/ },
  { query: 'timeout=soon', status: 400, reason: /"timeout"/ },
  { query: 'heartbeat=0', status: 400, reason: /"heartbeat".*positive/ },
  { query: 'heartbeat=no', status: 400, reason: /"heartbeat"/ },
  { query: 'feed=never', status: 400, reason: /"feed"/ },
  { query: 'filter=x/y', status: 404, reason: /filter/ },
  { query: 'filter=_selector', status: 400, reason: /not available/ },
]

t.test(
  'what cannot be answered is refused by name; without a body to those it would stop for good',
  async t => {
    const database = await adminDatabase(server, 'refused')
    for (const { query, status, reason } of BAD_REQUESTS) {
      t.match(await database.get(`/_changes?${query}`), { status, json: { reason } }, query)
      // RxDB takes any JSON without `results` for the end of its replication.
      t.match(await database.get(`/_changes?${query}`, { Accept: '*/*' }), { status, text: '' }, query)
    }
  },
)

t.test('POST without a body asks for what GET does', async t => {
  const database = await adminDatabase(server, 'bodiless')
  await database.put('/a', {})
  t.match(await database.post('/_changes', ''), { status: 200, json: { results: [{ id: 'a' }] } })
  t.match(await database.post('/_changes?filter=_doc_ids', ''), { status: 400, json: { reason: /doc_ids/ } })
  t.match(await database.post('/_changes?filter=_doc_ids', { doc_ids: ['a', 1] }), {
    status: 400,
    json: { reason: /doc_ids/ },
  })
})

t.test('thousands of rows come in pages without a break', async t => {
  const database = httpClient(`${server.url}/me`, server.bearer('anna'))
  const docs = Array.from({ length: 3500 }, (_, i) => ({ _id: `doc-${i}`, text: 'x'.repeat(500) }))
  await database.post('/_bulk_docs', { docs })
  const { results, pending } = (await database.get('/_changes?include_docs=true')).json
  t.equal(results.length, 3500)
  t.equal(pending, 0)
  t.equal(new Set(results.map((row: { id: string }) => row.id)).size, 3500)
  const limited = (await database.get('/_changes?limit=2500')).json
  t.equal(limited.results.length, 2500)
  t.equal(limited.pending, 1000)
})
