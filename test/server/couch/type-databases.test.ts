import PouchDB from 'pouchdb-node'
import t, { type Test } from 'tap'
import { entitiesIn } from '../../../design-docs/catalogue.ts'
import { TYPE_SUFFIXES, typeDatabaseName } from '../../../design-docs/type-database.ts'
import { userDbName } from '../../../design-docs/user-db.ts'
import type { Edit } from '../../../server/store/store.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { type HttpClient, httpClient, type Reply } from '../../fixtures/http-client.ts'
import { type Content, fetchWithToken, phone } from '../../fixtures/phone.ts'
import { runningServer } from '../../fixtures/running-server.ts'
import { rxdbPhone } from '../../fixtures/rxdb-phone.ts'

const server = await runningServer(t)
const admin = httpClient(server.url, server.basic)

/** A user's main database and his type databases. */
type User = { readonly name: string; readonly me: HttpClient; ofType(kebab: string): HttpClient }

function userOf(sub: string): User {
  const open = (database: string) => httpClient(`${server.url}/${database}`, server.bearer(sub))
  return { name: userDbName(sub), me: open('me'), ofType: kebab => open(`me-${kebab}`) }
}

async function write(me: HttpClient, ids: readonly string[]): Promise<string[]> {
  const { json } = await me.post('/_bulk_docs', { docs: ids.map(_id => ({ _id, text: _id })) })
  return json.map((row: { rev: string }) => row.rev)
}

function recordEdit(i: number): Edit {
  return {
    kind: 'replicated',
    id: `record:${i}`,
    revisions: { start: 1, ids: ['a'] },
    deleted: false,
    body: '{}',
  }
}

function idsOf({ json }: Reply): string[] {
  return (json.results ?? json.rows).map((row: { id: string }) => row.id)
}

const MIXED = [
  'session:1',
  'record:1',
  'session:2',
  'session',
  'session!',
  'sessions:1',
  'phaseStat:1',
  'session:3',
]

t.test('a type database lists, counts and tells the changes of its type alone', async t => {
  const { name, me, ofType } = userOf('lists')
  const sessions = ofType('session')
  t.match((await sessions.get('')).json, { db_name: `${name}-session`, doc_count: 0, update_seq: /^0-/ })
  t.ok(server.store.database(name), 'the database is made at the first use of a type database')
  const revs = await write(me, MIXED)
  await me.delete(`/session:2?rev=${revs[2]}`)

  const byName = httpClient(`${server.url}/${name}-session`, server.bearer('lists'))
  for (const each of [sessions, byName, httpClient(`${server.url}/${name}-session`, server.basic)]) {
    const facts = (await each.get('')).json
    t.match(facts, { db_name: `${name}-session`, doc_count: 3, doc_del_count: 1 })
    t.equal(facts.update_seq, (await me.get('')).json.update_seq, 'its places are those of the database')
    t.strictSame(idsOf(await each.get('/_changes')), ['session:1', 'session', 'session:3', 'session:2'])
    const listing = (await each.get('/_all_docs?include_docs=true')).json
    t.match(listing, {
      total_rows: 3,
      offset: 0,
      rows: [{ id: 'session' }, { doc: { text: 'session:1' } }, {}],
    })
  }
  t.strictSame(idsOf(await ofType('phase-stat').get('/_changes')), ['phaseStat:1'])
  t.strictSame(idsOf(await ofType('gamification-stats').get('/_changes')), [])
  t.equal((await ofType('session').get('/_all_docs?startkey="session:2"')).json.offset, 2)
  t.strictSame(idsOf(await sessions.get('/_all_docs?descending=true&skip=1&limit=1')), ['session:1'])
})

t.test('a page of changes counts only its type, and its last place has passed over the others', async t => {
  const { me, ofType } = userOf('pages')
  await write(me, MIXED)
  const sessions = ofType('session')
  const first = (await sessions.get('/_changes?limit=2&seq_interval=2')).json
  t.match(first.results, [
    { id: 'session:1', seq: /^1-/ },
    { id: 'session:2', seq: /^3-/ },
  ])
  t.match(first, { pending: 2, last_seq: /^3-/ })
  const second = (await sessions.get(`/_changes?limit=2&since=${first.last_seq}`)).json
  t.match(second, { results: [{ id: 'session' }, { id: 'session:3' }], pending: 0, last_seq: /^8-/ })
  const records = (await ofType('record').get('/_changes')).json
  t.match(records, { results: [{ id: 'record:1' }], pending: 0, last_seq: /^8-/ })
  t.match((await ofType('badge').get('/_changes')).json, { results: [], pending: 0, last_seq: /^8-/ })

  const backwards = (await sessions.get('/_changes?descending=true&limit=3')).json
  t.strictSame(idsOf({ json: backwards } as Reply), ['session:3', 'session', 'session:2'])
  t.equal(backwards.pending, 1)
  t.match((await ofType('badge').get('/_changes?descending=true')).json, { results: [], pending: 0 })
  const asked = { doc_ids: ['record:1', 'session:2', 'session!'] }
  t.strictSame(idsOf(await sessions.post('/_changes?filter=_doc_ids', asked)), ['session:2'])
  t.match((await sessions.get('/_changes?since=now')).json, { results: [], last_seq: /^8-/ })
  t.match((await sessions.get('/_changes?since=99-abcdef')).json, { rewound: true })
  const live = (await sessions.get('/_changes?last_live=true&limit=1')).json.results
  t.type(live[0].time, 'number')
})

t.test('what is read and written by id is the database’s', async t => {
  const { me, ofType } = userOf('by id')
  const sessions = ofType('session')
  const rev = (await sessions.put('/record:1', { a: 1 })).json.rev
  t.match((await me.get('/record:1')).json, { a: 1, _rev: rev })
  t.match((await ofType('badge').get('/record:1')).json, { a: 1 })
  t.strictSame((await sessions.post('/_revs_diff', { 'record:1': [rev, '2-x'] })).json['record:1'].missing, [
    '2-x',
  ])
  t.match((await sessions.post('/_bulk_get', { docs: [{ id: 'record:1' }] })).json.results, [
    { docs: [{ ok: { a: 1 } }] },
  ])
  t.match((await sessions.post('/_all_docs', { keys: ['record:1'] })).json.rows, [{ id: 'record:1' }])
  t.equal((await sessions.put('/_local/log', { n: 1 })).status, 201)
  t.match((await me.get('/_local/log')).json, { n: 1 })
  const put = await sessions.send('PUT', '/session:1/note.txt', {
    body: 'hi',
    headers: { 'Content-Type': 'text/plain' },
  })
  t.match(put, { status: 201 })
  t.match(put.headers.get('location'), '-session/')
  t.equal((await me.get('/session:1/note.txt')).text, 'hi')
  t.match((await sessions.send('POST', '/_ensure_full_commit')).status, 201)
})

t.test('a type database is there for its owner and no database for anybody', async t => {
  const { name, me, ofType } = userOf('no database')
  t.match(await ofType('session').put(''), { status: 412, json: { error: 'file_exists' } })
  t.ok(server.store.database(name))
  await write(me, ['session:1'])
  const typeDatabase = typeDatabaseName({ sub: 'no database', type: 'session' })
  t.match(await admin.put(`/${typeDatabase}`), { status: 412 })
  t.match(await admin.put(`/${userDbName('nobody')}-session`), { status: 404 })
  t.match(await admin.delete(`/${typeDatabase}`), { status: 403, json: { reason: /one type/ } })
  t.match(await admin.put(`/${typeDatabase}/_revs_limit`, 5), { status: 403 })
  t.match(await admin.get(`/${typeDatabase}/_revs_limit`), { json: 1000 })
  t.match(await admin.post(`/${typeDatabase}/_compact`, {}), { status: 202 })
  t.match((await ofType('session').get('/_security')).json, { members: { names: ['no database'] } })
  t.match((await me.get('/session:1')).status, 200)
  t.notOk((await admin.get('/_all_dbs')).json.some((one: string) => one.endsWith('-session')))
  t.notMatch((await admin.get('/_db_updates')).text, /-session"/)
  t.match((await admin.post('/_dbs_info', { keys: [typeDatabase] })).json, [{ error: 'not_found' }])
})

t.test('a type database tells the problems of its type', async t => {
  const { me, ofType } = userOf('problems')
  await write(me, ['session:1', 'record:1'])
  t.match((await ofType('record').get('/_problems')).json, {
    problems: [{ id: 'record:1' }],
    last_seq: /^2-/,
  })
  t.match((await ofType('badge').get('/_problems')).json, { problems: [], last_seq: /^2-/, pending: 0 })
})

t.test('a type of two documents among many changes is found, forwards and backwards', async t => {
  const { name, me, ofType } = userOf('many')
  await me.get('')
  const database = server.store.database(name)
  if (database === undefined) throw new Error('made at first use')
  await write(me, ['session:1'])
  // More than one read of a feed looks at.
  await database.write(Array.from({ length: 21_000 }, (_, i) => recordEdit(i)))
  await write(me, ['session:2'])
  const sessions = ofType('session')
  const forwards = (await sessions.get('/_changes')).json
  t.match(forwards, { results: [{ id: 'session:1' }, { id: 'session:2' }], pending: 0, last_seq: /^21002-/ })
  t.equal(forwards.results.length, 2)
  const backwards = (await sessions.get('/_changes?descending=true')).json
  t.match(backwards, { results: [{ id: 'session:2' }, { id: 'session:1' }], pending: 0, last_seq: /^1-/ })
  t.match((await sessions.get('/_changes?limit=1')).json, { results: [{ id: 'session:1' }], pending: 1 })
  t.match((await ofType('badge').get('/_changes?descending=true')).json, { results: [], pending: 0 })
  t.match((await ofType('badge').get('/_changes')).json, { results: [], pending: 0, last_seq: /^21002-/ })
  t.match((await sessions.get('')).json, { doc_count: 2 })
  t.match((await sessions.get('/_problems')).json, { problems: [{}, {}], last_seq: /^21002-/ })
  const waiting = sessions.get(`/_changes?feed=longpoll&since=${forwards.last_seq}`)
  await write(me, ['session:3'])
  t.match((await waiting).json.results, [{ id: 'session:3' }])
})

t.test('the change of another type ends no longpoll; that of its own does', async t => {
  const { me, ofType } = userOf('longpoll')
  await write(me, ['session:1', 'record:1'])
  const sessions = ofType('session')
  const { last_seq: since } = (await sessions.get('/_changes')).json
  let ended = false
  const waiting = sessions.get(`/_changes?feed=longpoll&heartbeat=100&since=${since}`).finally(() => {
    ended = true
  })
  await write(me, ['record:2', 'record:3'])
  t.match((await sessions.get(`/_changes?feed=longpoll&since=${since}&timeout=50`)).json, {
    results: [],
    last_seq: /^4-/,
  })
  await new Promise(resolve => setTimeout(resolve, 150))
  t.equal(ended, false)
  await write(me, ['session:2'])
  const reply = await waiting
  t.match(reply.json, { results: [{ id: 'session:2' }], pending: 0 })
  t.match(reply.text, /^\{"results":\[\n\n/, 'heartbeats went on')
})

for (const feed of ['continuous', 'eventsource']) {
  t.test(`a ${feed} feed tells its type alone, as it comes`, async t => {
    const { me, ofType } = userOf(feed)
    await write(me, ['record:1', 'session:1'])
    const reading = ofType('session').get(`/_changes?feed=${feed}&heartbeat=1000&limit=3`)
    for (const id of ['record:2', 'session:2', 'record:3', 'session:3']) await write(me, [id])
    const { text } = await reading
    t.strictSame(text.match(/[a-z]+:\d(?=")/g), ['session:1', 'session:2', 'session:3'])
  })
}

t.test(
  'live feeds of all type databases of one token at once are told what is theirs, the surplus ones too',
  async t => {
    const { me, ofType } = userOf('all')
    const { last_seq: since } = (await me.get('/_changes')).json
    const types = entitiesIn('main').map(({ type }) => type)
    const feeds = TYPE_SUFFIXES.map(suffix => ofType(suffix).get(`/_changes?feed=longpoll&since=${since}`))
    await write(
      me,
      types.map(type => `${type}:1`),
    )
    const told = (await Promise.all(feeds)).map(idsOf)
    t.strictSame(
      told,
      types.map(type => [`${type}:1`]),
    )
  },
)

t.test(
  'a database of such a name that was made before there were type databases can still be deleted',
  async t => {
    const name = typeDatabaseName({ sub: 'before', type: 'badge' })
    await server.store.createDatabase(name)
    t.match(await admin.delete(`/${name}`), { status: 200 })
    t.match(await admin.delete(`/${name}`), { status: 403 })
  },
)

/** An app that has a collection for each type, as RxDB wants it. */
async function appOf(t: Test, sub: string) {
  const collection = (database: string) => rxdbPhone(t, server.url, server.token(sub), { database })
  const [sessions, records, stats] = await Promise.all(
    ['me-session', 'me-record', 'me-gamification-stats'].map(collection),
  )
  if (!sessions || !records || !stats) throw new Error('a phone for each collection')
  const all = [sessions, records, stats]
  return { sessions, records, stats, all, goOnline: () => all.map(each => each.goOnline()) }
}

t.test(
  'RxDB’s collections on two phones agree, each has its type alone, and conflicts and deletions arrive',
  async t => {
    const { me, ofType } = userOf('rxdb')
    await write(me, ['session:old', 'badge:1', 'record:old'])
    const [one, two] = [await appOf(t, 'rxdb'), await appOf(t, 'rxdb')]
    await one.sessions.put({ _id: 'session:1', reps: 1 })
    await one.stats.put({ _id: 'gamificationStats', totalReps: 1 })
    for (const app of [one, two]) app.goOnline()
    await two.records.put({ _id: 'record:1', best: 5 })

    const both = async (what: string, holds: (app: typeof one) => Promise<boolean>) => {
      await eventually(async () => (await holds(one)) && (await holds(two)), what)
    }
    const has = async ({ sessions, records, stats }: typeof one, expected: readonly string[][]) =>
      JSON.stringify([await sessions.ids(), await records.ids(), await stats.ids()]) ===
      JSON.stringify(expected)
    const everything = [['session:1', 'session:old'], ['record:1', 'record:old'], ['gamificationStats']]
    await both('both have all of each type', app => has(app, everything))

    await two.stats.put({ _id: 'gamificationStats', totalReps: 2 })
    await two.sessions.remove('session:old')
    await one.records.put({ _id: 'record:old', best: 9 })
    const fewer = [['session:1'], ['record:1', 'record:old'], ['gamificationStats']]
    await both('edits and deletions arrive', async app => {
      const [[, old], [stats]] = [await app.records.docs(), await app.stats.docs()]
      return (await has(app, fewer)) && old?.best === 9 && stats?.totalReps === 2
    })

    await Promise.all([...one.all, ...two.all].map(each => each.goOffline()))
    await one.sessions.put({ _id: 'session:1', reps: 10 })
    await two.sessions.put({ _id: 'session:1', reps: 20 })
    await two.sessions.put({ _id: 'session:2', reps: 2 })
    for (const app of [one, two]) app.goOnline()
    await both('both agree on one version', async app => {
      const [first, second] = await app.sessions.docs()
      const there = (await ofType('session').get('/session:1')).json.reps
      return there !== 1 && first?.reps === there && second?.reps === 2
    })
    t.strictSame(
      [...one.all, ...two.all].flatMap(each => each.errors),
      [],
    )
    t.match((await me.get('/badge:1')).json, { text: 'badge:1' })
  },
)

t.test('PouchDB syncs with a type database, both ways and live', async t => {
  const { me, ofType } = userOf('pouchdb')
  await write(me, ['session:old', 'record:1', 'session!'])
  const { local } = await phone(t, server.url, server.token('pouchdb'))
  const remote = new PouchDB<Content>(`${server.url}/me-session`, {
    fetch: fetchWithToken(server.token('pouchdb')),
  })
  await local.put({ _id: 'session:new', reps: 1 })
  await local.sync(remote)
  t.match((await me.get('/session:new')).json, { reps: 1 })
  t.strictSame(
    (await local.allDocs()).rows.map(({ id }) => id),
    ['session:new', 'session:old'],
  )

  const live = local.sync(remote, { live: true, retry: true })
  t.teardown(() => live.cancel())
  await write(me, ['record:2', 'session:later'])
  await local.put({ _id: 'session:last' })
  await eventually(
    async () => (await local.allDocs()).rows.some(({ id }) => id === 'session:later'),
    'pulled',
  )
  await eventually(async () => (await me.get('/session:last')).status === 200, 'pushed')
  const old = (await me.get('/session:old')).json
  await me.delete(`/session:old?rev=${old._rev}`)
  await eventually(
    async () => (await local.allDocs()).rows.every(({ id }) => id !== 'session:old'),
    'deleted',
  )
  live.cancel()
  const { doc_count: there } = (await ofType('session').get('')).json
  t.equal((await local.info()).doc_count, there)
})

t.test('who asks for a type that is none is told which there are', async t => {
  for (const [named, told] of [
    ['me-sessions', 'me-sessions'],
    ['me-phaseStat', 'me-phaseStat'],
    ['me-%00', 'such database'],
    [`me-${'x'.repeat(50)}`, 'such database'],
  ] as const) {
    const { status, json } = await httpClient(`${server.url}/${named}`, server.bearer('slips')).get('')
    t.match({ status, json }, { status: 404, json: { error: 'not_found' } })
    const start = `You have no ${told}; there are me, me-metrics, me-session, `
    t.ok(json.reason.startsWith(start), json.reason)
    t.match(json.reason, /, me-phase-stat, .*, me-device\.$/)
  }
})
