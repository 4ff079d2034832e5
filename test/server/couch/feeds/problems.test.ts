import assert from 'node:assert'
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { metricsDbName, userDbName } from '../../../../design-docs/user-db.ts'
import type { LiveWait } from '../../../../server/couch/feeds/live-wait.ts'
import { PacedTurns } from '../../../../server/couch/feeds/paced-turns.ts'
import { ProblemsFeed } from '../../../../server/couch/feeds/problems-feed.ts'
import type { Database } from '../../../../server/store/store.ts'
import { adminDatabase, type HttpClient, httpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'
import { sessionDoc } from '../../../fixtures/workout.ts'

const server = await runningServer(t)

type Problems = {
  readonly problems: readonly {
    readonly id: string
    readonly rev: string
    readonly seq: string
    readonly problems: readonly { readonly path: string; readonly reason: string }[]
  }[]
  readonly last_seq: string
  readonly pending: number
}

async function problemsOf(client: HttpClient, query = ''): Promise<Problems> {
  const { status, json } = await client.get(`/_problems${query}`)
  t.equal(status, 200, `_problems${query}`)
  return json
}

/** `id: path path` of each document. */
function told({ problems }: Problems): string[] {
  return problems.map(({ id, problems }) => `${id}: ${problems.map(({ path }) => path).join(' ')}`)
}

function phone(sub = randomUUID()): HttpClient & { readonly sub: string } {
  return { ...httpClient(`${server.url}/me`, server.bearer(sub)), sub }
}

t.test('documents that do not fit are told with path and reason, others are not', async t => {
  const mine = phone()
  const unknown = (type: string) =>
    new RegExp(`^No description here has the type ${type}; there are session, .*, phaseStat, .*, device\\.$`)
  const bad = sessionDoc({ targetReps: 'ten', mode: undefined })
  const docs = [
    sessionDoc(),
    bad,
    { _id: 'lap:1' },
    { _id: `${'x'.repeat(41)}:1` },
    { _id: 'a\0b' },
    { _id: 'metrics:a:1' },
  ]
  const rows = (await mine.post('/_bulk_docs', { docs })).json
  const { problems, last_seq, pending } = await problemsOf(mine)
  t.match(problems, [
    {
      id: bad._id,
      rev: rows[1].rev,
      seq: /^2-/,
      problems: [
        { path: 'mode', reason: 'This member is required.' },
        { path: 'targetReps', reason: 'Expected a whole number, found text.' },
      ],
    },
    { id: 'lap:1', problems: [{ path: '_id', reason: unknown('lap') }] },
    { id: `${'x'.repeat(41)}:1`, problems: [{ path: '_id', reason: unknown('of this id') }] },
    { id: 'a\0b', problems: [{ path: '_id', reason: unknown('of this id') }] },
    { id: 'metrics:a:1', problems: [{ path: '_id', reason: /belong in a database of kind metrics/ }] },
  ])
  t.equal(problems.length, 5)
  t.equal(last_seq, (await mine.get('/_changes')).json.last_seq)
  t.equal(pending, 0)
  t.strictSame((await problemsOf(phone())).problems, [], 'nobody is told of another’s')
})

t.test(
  'of a conflict only the version counts that would be shown, and a deleted document has no problem',
  async t => {
    const mine = phone()
    const [doc, other, gone] = [sessionDoc(), sessionDoc(), sessionDoc({ mode: 7 })]
    const at = (rev: string, updatedAt: unknown, members = {}) => ({ _rev: rev, updatedAt, ...members })
    const docs = [
      { ...doc, ...at('1-a', 2000, { mode: 7 }) },
      { ...doc, ...at('1-b', 1000) },
      { ...doc, ...at('1-c', 'late') },
      { ...other, ...at('1-a', 2000) },
      { ...other, ...at('1-b', 1000, { mode: 7 }) },
      { ...gone, _rev: '1-a' },
      { _id: gone._id, _deleted: true, mode: 7, _revisions: { start: 2, ids: ['b', 'a'] } },
      { ...other, _rev: '2-x', _deleted: true, updatedAt: 9000, _revisions: { start: 2, ids: ['x', 'y'] } },
    ]
    t.strictSame((await mine.post('/_bulk_docs', { docs, new_edits: false })).json, [])
    t.match(await problemsOf(mine), {
      problems: [{ id: doc._id, rev: '1-a', problems: [{ path: 'mode' }] }],
      last_seq: /^8-/,
    })
  },
)

t.test('`since` and `limit` lead through all of them, and a later question tells what is new', async t => {
  const mine = phone()
  const docs = Array.from({ length: 250 }, (_, n) => (n % 5 === 0 ? { _id: `lap:${n}` } : sessionDoc()))
  await mine.post('/_bulk_docs', { docs })
  const all = told(await problemsOf(mine))
  t.equal(all.length, 50)
  const paged: string[] = []
  let since = '0'
  for (let left = 1; left > 0; ) {
    const page = await problemsOf(mine, `?limit=7&since=${since}`)
    t.ok(page.problems.length <= 7)
    paged.push(...told(page))
    since = page.last_seq
    left = page.pending
  }
  t.strictSame(paged, all)
  t.match(await problemsOf(mine, `?since=${since}`), { problems: { length: 0 }, last_seq: since, pending: 0 })
  await mine.put('/lap:new', {})
  t.strictSame(told(await problemsOf(mine, `?since=${since}`)), ['lap:new: _id'])
  t.match(await problemsOf(mine, '?since=now'), { problems: { length: 0 } })
  t.match(await problemsOf(mine, '?limit=0'), { problems: { length: 0 }, last_seq: /^0-/, pending: 251 })
  t.match(await problemsOf(mine, '?since=9-unknown'), { problems: { length: 51 }, rewound: true })
})

t.test('a corrected document is told no more', async t => {
  const mine = phone()
  const doc = sessionDoc({ mode: 7 })
  const [{ rev }] = (await mine.post('/_bulk_docs', { docs: [doc] })).json
  t.strictSame(told(await problemsOf(mine)), [`${doc._id}: mode`])
  await mine.put(`/${doc._id}`, { ...doc, mode: 'Pump', _rev: rev })
  t.strictSame(told(await problemsOf(mine)), [])
})

t.test('each kind of database has its own descriptions', async t => {
  const { sub } = phone()
  const metrics = httpClient(`${server.url}/me-metrics`, server.bearer(sub))
  const samples = [{ timestamp: 1 }, { timestamp: 2 }, { position: 3 }]
  const docs = [
    { _id: 'metrics:a:1', sessionId: 'a', samples: [] },
    { _id: 'metrics:a:2', sessionId: 'a', samples },
  ]
  await metrics.post('/_bulk_docs', { docs: [...docs, sessionDoc({ _id: 'session:x' })] })
  const expected = ['metrics:a:2: samples[2].timestamp', /^session:x: _id/]
  t.match(told(await problemsOf(metrics)), expected)
  const asAdmin = httpClient(`${server.url}/${metricsDbName(sub)}`, server.basic)
  t.match(told(await problemsOf(asAdmin)), expected, 'an admin asks by its name')
  const users = httpClient(`${server.url}/_users`, server.basic)
  await users.put('/org.couchdb.user:a@b.c', { type: 'user', name: 'a@b.c', roles: [] })
  t.strictSame(told(await problemsOf(users)), ['org.couchdb.user:a@b.c: userId passwordHash createdAt'])
})

t.test('a design document is nobody’s row', async t => {
  const { sub, get } = phone()
  await get('')
  const asAdmin = httpClient(`${server.url}/${userDbName(sub)}`, server.basic)
  await asAdmin.put('/_design/x', { views: {} })
  t.strictSame(told(await problemsOf(asAdmin)), [])
})

t.test('what cannot be answered is refused by name', async t => {
  const mine = phone()
  for (const query of [
    'limit=-1',
    'limit=all',
    'since=yesterday',
    'since=17',
    'since=2026-02-30T00:00:00Z',
  ]) {
    const { status, json } = await mine.get(`/_problems?${query}`)
    t.match(
      { status, json },
      { status: 400, json: { error: 'query_parse_error', reason: `"${query.split('=')[0]}"` } },
    )
  }
  const made = await adminDatabase(server, 'made-by-an-admin')
  t.match(await made.get('/_problems'), { status: 404, json: { error: 'not_found', reason: /describes/ } })
  const missing = httpClient(`${server.url}/missing`, server.basic)
  t.match(await missing.get('/_problems'), { status: 404, json: { reason: 'Database does not exist.' } })
})

t.test('others have their turn while many large documents are checked', async t => {
  const mine = phone()
  const samples = Array.from({ length: 20_000 }, (_, timestamp) => ({ timestamp, load: 1.5 }))
  for (let n = 0; n < 6; n++) await mine.put(`/metrics:a:${n}`, { sessionId: 'a', samples })
  let isDone = false
  const asked = problemsOf(mine).finally(() => {
    isDone = true
  })
  let answered = 0
  for (; !isDone && answered < 5; answered++) await httpClient(server.url, server.basic).get('/_up')
  t.ok(answered > 1, 'answers came before the last problem')
  t.equal((await asked).problems.length, 6)
  const many = await Promise.all(Array.from({ length: 7 }, () => mine.get('/_problems')))
  const refused = many.filter(({ status }) => status === 429)
  t.equal(refused.length, 3, 'who asks too often at once is told to wait')
  for (const { headers, json } of refused) {
    t.match(json, { error: 'too_many_requests', reason: /4 times/ })
    t.equal(headers.get('retry-after'), '5')
  }
  t.equal(many.filter(({ status, json }) => status === 200 && json.problems.length === 6).length, 4)
  t.equal((await problemsOf(mine)).problems.length, 6, 'it is counted until its end')
})

t.test('a token that runs out and a server that closes end it in order, with the place to go on', async t => {
  const mine = phone()
  const docs = Array.from({ length: 250 }, (_, n) => ({ _id: `lap:${n}` }))
  await mine.post('/_bulk_docs', { docs })
  const database = server.store.database(userDbName(mine.sub))
  assert(database, 'it was made at its first use')
  let looks = 0
  const first = await problemsUntil(database, { hasEnded: () => ++looks > 130 })
  t.ok(first.problems.length > 100 && first.problems.length < 130)
  t.equal(first.pending, 250 - first.problems.length)
  const rest = await problemsOf(mine, `?since=${first.last_seq}`)
  t.equal(new Set([...told(first), ...told(rest)]).size, 250)
})

t.test('nothing is looked at any more for a client that left while it waited for its turn', async t => {
  const mine = phone()
  await mine.put('/lap:1', {})
  await mine.post('/_bulk_docs', {
    docs: [
      { _id: 'lap:2', _rev: '1-a' },
      { _id: 'lap:2', _rev: '1-b' },
    ],
    new_edits: false,
  })
  const database = server.store.database(userDbName(mine.sub))
  assert(database, 'it was made at its first use')
  const pages = t.capture(database, 'changes', database.changes)
  const turns = new PacedTurns()
  let ended = false
  const first = turns.run('another', () => {})
  const second = turns.run('anna', () => {
    ended = true
  })
  const asked = problemsUntil(database, { turns, hasEnded: () => ended })
  t.match(await asked, { problems: { length: 0 }, last_seq: /^0-/, pending: 2 })
  await Promise.all([first, second])
  t.equal(pages().length, 0)
  let looks = 0
  const cut = await problemsUntil(database, { turns, hasEnded: () => ++looks > 4 })
  t.match(
    cut,
    { problems: { length: 1 }, last_seq: /^1-/ },
    'a conflict that was not looked at whole is left for later',
  )
})

t.test('turns go in their order, one at a time, and a failure is only its own', async t => {
  const turns = new PacedTurns()
  const seen: string[] = []
  const note = (name: string) => turns.run('anna', () => seen.push(name))
  const first = note('a')
  const failed = turns.run('anna', () => {
    throw new Error('wrong')
  })
  const last = note('c')
  await t.rejects(failed, { message: 'wrong' })
  t.equal(await first, 1)
  t.equal(await last, 2)
  t.strictSame(seen, ['a', 'c'])
})

t.test('callers take turns: who asks for much waits for himself', async t => {
  const turns = new PacedTurns()
  const seen: string[] = []
  const note = (name: string) => turns.run(name.slice(0, 1), () => seen.push(name))
  await Promise.all(['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2'].map(note))
  t.equal(seen.join(' '), 'a1 a2 b1 c1 a3 b2 a4')
  await note('a5')
  t.equal(seen.at(-1), 'a5', 'after a rest, too')
})

type Asked = Pick<LiveWait, 'hasEnded'> & { readonly turns?: PacedTurns }

/** What a feed tells whose client stays as long as it is told. */
async function problemsUntil(
  database: Database,
  { hasEnded, turns = new PacedTurns() }: Asked,
): Promise<Problems> {
  const request = { kind: 'main', place: database.place('0'), limit: 1e9, turns, caller: 'anna' } as const
  let text = ''
  const write = (chunk: string | Uint8Array) => {
    text += chunk
    return undefined
  }
  await new ProblemsFeed(database, request).write({
    out: { write, signal: new AbortController().signal },
    hasEnded,
    next: async () => 'ended',
    withoutHeartbeats: write => write(),
    close() {},
  })
  return JSON.parse(text)
}
