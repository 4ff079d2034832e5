import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { eventually } from '../fixtures/eventually.ts'
import { type HttpClient, httpClient } from '../fixtures/http-client.ts'
import { NEWEST_WINS } from '../fixtures/newest-wins.ts'
import { type Phone, phone } from '../fixtures/phone.ts'
import { type Actor, pouchActor, rxActor } from '../fixtures/phone-actors.ts'
import { pouchState, rxState, serverState, sorted } from '../fixtures/phone-states.ts'
import { randomCuts } from '../fixtures/random-cuts.ts'
import { rounds } from '../fixtures/rounds.ts'
import { runningServer } from '../fixtures/running-server.ts'
import { type RxdbDoc, type RxdbPhone, type RxdbPhoneOptions, rxdbPhone } from '../fixtures/rxdb-phone.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'

const LIMIT = 100_000
const server = await runningServer(t, { maxDocumentBytes: LIMIT })
let users = 0

/** Node ends a process for each of these; RxDB's live pull is a promise that nobody awaits. */
const unhandled: unknown[] = []
process.on('unhandledRejection', error => unhandled.push(error))

type Setting = {
  readonly user: string
  readonly mine: HttpClient
  rx(options?: RxdbPhoneOptions): Promise<RxdbPhone>
  pouch(): Promise<Phone>
}

/** A new user, his phones, and a plain client of his. */
function settingOf(t: Test): Setting {
  const user = `user-${users++}`
  const token = server.token(user)
  return {
    user,
    mine: httpClient(`${server.url}/me`, `Bearer ${token}`),
    rx: options => rxdbPhone(t, server.url, token, options),
    async pouch() {
      const made = await phone(t, server.url, token)
      const sync = made.local.sync(made.remote, { live: true, retry: true, back_off_function: () => 50 })
      t.teardown(() => sync.cancel())
      return made
    },
  }
}

async function online(setting: Setting, options?: RxdbPhoneOptions): Promise<RxdbPhone> {
  const rx = await setting.rx(options)
  rx.goOnline()
  return rx
}

/** All hold the same, and it is this. */
async function agree(states: readonly (() => Promise<string>)[], expected: readonly object[], what: string) {
  const wanted = JSON.stringify(expected.map(sorted))
  for (const state of states)
    await eventually(async () => (await state()) === wanted, what).catch(async cause => {
      throw new Error(`${what}: ${wanted} expected, ${await state()} seen`, { cause })
    })
}

t.test('two RxDB phones and a PouchDB phone live on one database, through restarts', async t => {
  const setting = settingOf(t)
  const { mine } = setting
  const [one, two, pouch] = [await online(setting), await online(setting), await setting.pouch()]
  const states = [() => serverState(mine), () => rxState(one), () => rxState(two), () => pouchState(pouch)]
  const all = (docs: readonly object[], what: string) => agree(states, docs, what)

  await one.put({ _id: 'a', v: 1 })
  await two.put({ _id: 'b', v: 1 })
  await pouch.local.put({ _id: 'c', v: 1 })
  const v1 = (_id: string) => ({ _id, v: 1 })
  await all(['a', 'b', 'c'].map(v1), 'what each has written')
  const b = await pouch.local.get('b')
  await pouch.local.put({ ...b, v: 2 })
  await two.remove('a')
  await pouch.local.remove(await pouch.local.get('c'))
  await all([{ _id: 'b', v: 2 }], 'an edit, RxDB’s deletion, PouchDB’s empty tombstone')
  await server.restart()
  await one.put({ _id: 'c', v: 3 })
  await pouch.local.put({ _id: 'a', v: 3 })
  await all(
    [
      { _id: 'a', v: 3 },
      { _id: 'b', v: 2 },
      { _id: 'c', v: 3 },
    ],
    'each comes again, by the phone that had not deleted it',
  )
  await one.remove('c')
  await two.remove('a')
  await all([{ _id: 'b', v: 2 }], 'and goes again')
  await server.restart(undefined, async () => {
    await one.put({ _id: 'd', v: 1 })
    await two.remove('b')
    await pouch.local.put({ _id: 'e', v: 1 })
  })
  await all(['d', 'e'].map(v1), 'what was written while the server was away')
})

t.test(
  'RxDB’s own handler takes the server’s version, another one decides by itself, and all agree',
  async t => {
    for (const [conflictHandler, winner] of [
      [undefined, { _id: 'a', v: 'of one', updatedAt: 2 }],
      [NEWEST_WINS, { _id: 'a', v: 'of two', updatedAt: 3 }],
    ] as const) {
      const setting = settingOf(t)
      const [one, two] = [
        await online(setting, { conflictHandler }),
        await online(setting, { conflictHandler }),
      ]
      const states = [() => serverState(setting.mine), () => rxState(one), () => rxState(two)]
      await one.put({ _id: 'a', v: 1, updatedAt: 1 })
      await agree(states, [{ _id: 'a', v: 1, updatedAt: 1 }], 'both have it')
      await two.goOffline()
      await two.put({ _id: 'a', v: 'of two', updatedAt: 3 })
      await one.put({ _id: 'a', v: 'of one', updatedAt: 2 })
      await eventually(async () => (await setting.mine.get('/a')).json.v === 'of one', 'one was first')
      two.goOnline()
      await agree(states, [winner], 'the winner everywhere')
    }
  },
)

t.test('a stale phone’s edit of a deleted document is a conflict that its handler decides', async t => {
  for (const [conflictHandler, updatedAt, left] of [
    [undefined, 9, []],
    [NEWEST_WINS, 9, ['a']],
    [NEWEST_WINS, 1, []],
  ] as const) {
    const setting = settingOf(t)
    const [one, two] = [
      await online(setting, { conflictHandler }),
      await online(setting, { conflictHandler }),
    ]
    await one.put({ _id: 'a', updatedAt: 2 })
    await one.put({ _id: 'b', updatedAt: 2 })
    await eventually(async () => (await two.ids()).length === 2, 'both have both')
    await two.goOffline()
    for (const _id of ['a', 'b']) await two.put({ _id, v: 'stale', updatedAt })
    await one.remove('a')
    await setting.mine.delete(`/b?rev=${(await setting.mine.get('/b')).json._rev}`)
    await eventually(async () => (await one.ids()).length === 0, 'both are deleted, b by an empty tombstone')
    two.goOnline()
    await two.put({ _id: 'z' })
    const states = [() => rxState(one), () => rxState(two), () => serverState(setting.mine)]
    const edited = left.map(_id => ({ _id, v: 'stale', updatedAt }))
    await agree(states, [...edited, { _id: 'z' }], 'what the handler says')
  }
})

type Endpoint = 'listing' | 'live' | 'masters' | 'push' | 'losers'

function endpointOf(url: string): Endpoint {
  if (url.includes('feed=normal')) return 'listing'
  if (url.includes('feed=longpoll')) return 'live'
  if (url.includes('_bulk_docs')) return 'push'
  return url.includes('keys=') ? 'losers' : 'masters'
}

/** What a fetch does instead of its request, or before it. */
type Fault = (url: string, options: RequestInit) => Promise<Response | undefined> | Response | undefined

/** A fetch that meets these faults, one for each request to an endpoint, until there are no more. */
function faulty(faults: Partial<Record<Endpoint, Fault[]>>): typeof fetch {
  return async (url, options = {}) => {
    const fault = faults[endpointOf(String(url))]?.shift()
    return (await fault?.(String(url), options)) ?? fetch(url, options)
  }
}

t.test(
  'between RxDB’s look at the masters and its push another one edits or deletes, whatever the id',
  async t => {
    const setting = settingOf(t)
    const { mine } = setting
    const faults: Partial<Record<Endpoint, Fault[]>> = {}
    const rx = await online(setting, { fetch: faulty(faults), conflictHandler: NEWEST_WINS, batchSize: 50 })
    const ids = ['a+b', 'c&d=e', 'f#g', 'h i', 'j"k', 'l%m', 'n/o', '😀', "p'q", 'r?s=t', 'u\\v', 'ü', 'w]&x']
    await rx.collection.bulkInsert(ids.map(_id => ({ _id, updatedAt: 1 })))
    await eventually(async () => JSON.parse(await serverState(mine)).length === ids.length, 'all are there')
    const revs = new Map<string, string>()
    for (const { id, value } of (await mine.get('/_all_docs')).json.rows) revs.set(id, value.rev)
    let conflicts = 0
    const overtaking = (docs: readonly object[]): Fault => {
      return async () => {
        conflicts++
        await mine.post('/_bulk_docs', { docs })
        return undefined
      }
    }
    for (const _id of ids) {
      faults.push = [overtaking([{ _id, _rev: revs.get(_id), v: 'theirs', updatedAt: 5 }])]
      await rx.put({ _id, v: 'mine', updatedAt: 4 })
      await eventually(
        async () => (await rx.docs()).find(doc => doc._id === _id)?.v === 'theirs',
        `theirs of ${_id}`,
      )
    }
    for (const _id of ids) {
      const { _rev } = (await mine.get(`/${encodeURIComponent(_id)}`)).json
      faults.push = [overtaking([{ _id, _rev, _deleted: true, updatedAt: 6 }])]
      await rx.put({ _id, v: 'mine again', updatedAt: 7 })
      await eventually(
        async () => (await mine.get(`/${encodeURIComponent(_id)}`)).json.v === 'mine again',
        `the edit of ${_id} is stored, though its document was deleted meanwhile`,
      )
    }
    t.equal(conflicts, 2 * ids.length)
    t.same(await rxState(rx), await serverState(mine))
  },
)

t.test('whatever an endpoint answers for a while, RxDB goes on by itself', async t => {
  const setting = settingOf(t)
  const { user, mine } = setting
  const withToken = (token: string) => ({ headers: { ...JSON_SENT, Authorization: `Bearer ${token}` } })
  const instead =
    (token: string, change = (url: string) => url): Fault =>
    (url, options) =>
      fetch(change(url), { ...options, ...withToken(token) })
  const good = server.token(user)
  /** The server's own errors, asked for with RxDB's own requests. */
  const own: Fault[] = [
    instead('nonsense'),
    instead(server.token(user, -10)),
    (url, options) => fetch(url, { ...options, headers: JSON_SENT }),
    instead(good, url => url.replace('/me/', `/${userDbName('somebody else')}/`)),
    instead(good, url => url.replace('/me/', '/me-nothing/')),
    instead(good, url => url.replace('limit=', 'limit=x')),
    (url, options) => fetch(url, { ...options, ...withToken(good), body: options.body ? '{"keys' : null }),
  ]
  const answers = (status: number, body: string | null): Fault => {
    return () => new Response(body, { status, headers: { 'Retry-After': '1' } })
  }
  /** What stands between a phone and its server answers with: nothing, pages, half an answer. */
  const between: Fault[] = [
    ...[401, 403, 404, 429, 500, 502, 503, 504].map(status => answers(status, null)),
    answers(502, '<html>Bad Gateway</html>'),
    answers(200, '<html>Log in to this network</html>'),
    answers(200, '{"results":[{"seq":"1-'),
    () => Promise.reject(new TypeError('fetch failed')),
  ]
  /** Errors in JSON, which RxDB survives everywhere but at its live feed. The server sends none there. */
  const json = [401, 403, 404, 413, 429, 500, 503].map(status =>
    answers(status, '{"error":"some","reason":"x"}'),
  )
  const faults: Partial<Record<Endpoint, Fault[]>> = {
    live: [...own, ...between],
    listing: [...own, ...between, ...json],
    masters: [...own, ...between, ...json],
    push: [...own, ...between, ...json],
    losers: [...own, ...between, ...json],
  }
  await mine.put('/theirs', { v: 1 })
  const rx = await online(setting, { fetch: faulty(faults), retryMs: 1, conflictHandler: NEWEST_WINS })
  await rx.put({ _id: 'mine', updatedAt: 1 })
  await eventually(async () => (await mine.get('/mine')).status === 200, 'it is pushed')
  await eventually(async () => (await rx.ids()).includes('theirs'), 'the other one is pulled')
  const { _rev } = (await mine.get('/mine')).json
  faults.push = [
    async () => {
      await mine.put('/mine', { _rev, updatedAt: 2 })
      return undefined
    },
  ]
  await rx.put({ _id: 'mine', updatedAt: 3 })
  await eventually(async () => (await mine.get('/mine')).json.updatedAt === 3, 'the conflict is resolved')
  await eventually(() => faults.live?.length === 0, 'the live feed met all')
  await mine.put('/live', {})
  await eventually(async () => (await rx.ids()).includes('live'), 'and is live again')
  t.ok(rx.errors.length > 50)
  t.same(await rxState(rx), await serverState(mine))
})

const JSON_SENT = { 'Content-Type': 'application/json', Accept: '*/*' }

t.test(
  'a token that runs out, waiting or in the middle of many pages, holds up nothing once it is renewed',
  async t => {
    const setting = settingOf(t)
    const { user, mine } = setting
    await mine.post('/_bulk_docs', {
      docs: Array.from({ length: 60 }, (_, i) => ({ _id: `doc-${100 + i}` })),
    })
    let token = 'wrong from the beginning'
    let listings = 0
    const send: typeof fetch = (url, options) => {
      if (endpointOf(String(url)) === 'listing' && ++listings === 3) token = server.token(user, -10)
      return fetch(url, options)
    }
    const rx = await rxdbPhone(t, server.url, () => token, { fetch: send, retryMs: 20 })
    const replication = rx.goOnline()
    await eventually(() => rx.errors.length >= 2, 'it is refused')
    t.same(await rx.ids(), [])
    token = server.token(user)
    listings = 0
    await eventually(() => listings > 3, 'it ran out between two pages')
    t.ok((await rx.ids()).length < 60)
    token = server.token(user, 2)
    await replication.awaitInitialReplication()
    await eventually(async () => (await rx.ids()).length === 60, 'all pages')

    const stale = { headers: { authorization: `Bearer ${token}` } }
    await eventually(
      async () => (await fetch(`${server.url}/me`, stale)).status === 401,
      'it ran out, waiting',
    )
    await rx.put({ _id: 'mine' })
    await mine.put('/theirs', {})
    const before = rx.errors.length
    await eventually(() => rx.errors.length > before + 2, 'push and pull are refused')
    token = server.token(user)
    await eventually(async () => (await mine.get('/mine')).status === 200, 'pushed with the new one')
    await eventually(async () => (await rx.ids()).length === 62, 'and pulled')
    t.same(await rxState(rx), await serverState(mine))
  },
)

t.test('an answer that was lost on its way: a handler of one’s own keeps the next edit', async t => {
  const lost: Fault = async (url, options) => {
    await fetch(url, options)
    throw new TypeError('the line broke')
  }
  for (const [conflictHandler, left] of [
    [undefined, 1],
    [NEWEST_WINS, 2],
  ] as const) {
    const setting = settingOf(t)
    const rx = await online(setting, { conflictHandler, retryMs: 500, fetch: faulty({ push: [lost] }) })
    await rx.put({ _id: 'a', v: 1, updatedAt: 1 })
    await eventually(() => rx.errors.length > 0, 'stored, and RxDB does not know')
    await rx.put({ _id: 'a', v: 2, updatedAt: 2 })
    await eventually(async () => (await setting.mine.get('/a')).json._rev, 'stored')
    await rx.put({ _id: 'z' })
    const seen = async () => [(await rx.docs())[0]?.v, (await setting.mine.get('/a')).json.v].join()
    await eventually(async () => (await setting.mine.get('/z')).status === 200, 'the queue goes on')
    await eventually(async () => (await seen()) === `${left},${left}`, 'what the handler keeps')
  }
})

t.test('what is written between RxDB’s listing and its “now” is not lost', async t => {
  const setting = settingOf(t)
  const { mine } = setting
  await mine.put('/a', {})
  const offline: Fault = () => Promise.reject(new TypeError('fetch failed'))
  const rx = await setting.rx({
    fetch: faulty({
      live: [
        offline,
        async () => {
          await eventually(async () => (await rx.ids()).includes('a'), 'the listing is done')
          await mine.put('/b', {})
          return undefined
        },
      ],
    }),
  })
  rx.goOnline()
  await eventually(async () => (await rx.ids()).join() === 'a,b', 'b, too')
  await mine.put('/c', {})
  await eventually(async () => (await rx.ids()).join() === 'a,b,c', 'and it is live')
})

t.test('any size of a batch brings all: 1, 100, 1000', async t => {
  const setting = settingOf(t)
  const { mine } = setting
  const docs = Array.from({ length: 130 }, (_, i) => ({ _id: `doc-${1000 + i}`, v: i }))
  await mine.post('/_bulk_docs', { docs: docs.slice(0, 30) })
  const phones = []
  for (const batchSize of [1, 100, 1000]) phones.push(await online(setting, { batchSize }))
  await phones[1]?.collection.bulkInsert(docs.slice(30))
  const states = [() => serverState(mine), ...phones.map(rx => () => rxState(rx))]
  await agree(states, docs, 'all of them')
  await phones[2]?.collection.find().remove()
  await agree(states, [], 'nothing')
})

t.test('design and local documents never reach a collection, and a purged one disturbs nothing', async t => {
  const setting = settingOf(t)
  const { user, mine } = setting
  const admin = httpClient(`${server.url}/${userDbName(user)}`, server.basic)
  const rx = await online(setting, { batchSize: 1 })
  await rx.put({ _id: 'a' })
  await eventually(async () => (await mine.get('/a')).status === 200, 'the database is there')
  t.equal((await mine.put('/_local/note', { v: 1 })).status, 201)
  for (let i = 0; i < 3; i++) await mine.put(`/p${i}`, {})
  await eventually(async () => (await rx.ids()).length === 4, 'all')
  const { _rev } = (await mine.get('/p1')).json
  t.equal((await admin.post('/_purge', { p1: [_rev] })).status, 201)
  await mine.put('/b', {})
  const late = await online(setting, { batchSize: 2 })
  await eventually(async () => (await late.ids()).join() === 'a,b,p0,p2', 'the late one has what is there')
  await eventually(async () => (await rx.ids()).join() === 'a,b,p0,p1,p2', 'the early one keeps its copy')
  await rx.put({ _id: 'p1', v: 'edited' })
  await eventually(async () => (await late.ids()).includes('p1'), 'an edit of it makes it anew')
  t.equal(
    (await mine.get('/_design/entities')).status,
    200,
    'every user database shows it, and no collection has it',
  )

  const sessions = await online(setting, { database: 'me-session' })
  t.equal((await admin.put('/_design/ours', { views: {} })).status, 201)
  await mine.put('/session:1', {})
  await eventually(async () => (await sessions.ids()).join() === 'session:1', 'nor what an admin makes')
})

t.test('a document that can never be stored holds up what is behind it, until it is mended', async t => {
  const setting = settingOf(t)
  const { mine } = setting
  const rx = await online(setting, { batchSize: 2 })
  await rx.collection.bulkInsert([{ _id: 'big', text: 'x'.repeat(LIMIT) }, { _id: 'small' }])
  await eventually(() => rx.errors.length > 2, 'the app is told')
  t.equal((await mine.get('/small')).status, 200, 'what came with it is stored')
  await rx.put({ _id: 'behind' })
  await mine.put('/theirs', {})
  await rx.put({ _id: 'big', text: 'short' })
  const failed = rx.errors.length
  await eventually(() => rx.errors.length > failed + 1, 'RxDB goes on sending the version it has begun with')
  t.equal((await mine.get('/behind')).status, 404)
  await rx.goOffline()
  rx.goOnline()
  const ids = ['behind', 'big', 'small', 'theirs'].join()
  await eventually(async () => (await rx.ids()).join() === ids, 'pulled again')
  await eventually(async () => (await mine.get('/behind')).status === 200, 'pushed again')
  t.same(await rxState(rx), await serverState(mine))
})

t.test('RxDB’s edits leave the attachments where they are, its deletions do not', async t => {
  const setting = settingOf(t)
  const { mine } = setting
  const rx = await online(setting, { conflictHandler: NEWEST_WINS })
  const photo = { content_type: 'image/png', data: 'AAAA' }
  await mine.put('/a', { v: 1, updatedAt: 1, _attachments: { photo } })
  await eventually(async () => (await rx.ids()).length === 1, 'pulled')
  for (const v of [2, 3, 4]) {
    await rx.put({ _id: 'a', v, updatedAt: v })
    await eventually(async () => (await mine.get('/a')).json.v === v, 'edited')
  }
  t.equal((await mine.get('/a/photo')).text.length, 3)
  await rx.remove('a')
  await eventually(async () => (await mine.get('/a')).status === 404, 'deleted')
  await rx.put({ _id: 'a', v: 5, updatedAt: 5 })
  await eventually(async () => (await mine.get('/a')).json.v === 5, 'there again')
  t.equal((await mine.get('/a/photo')).status, 404)
  t.same(await rxState(rx), await serverState(mine))
})

t.test('nine collections of one token are live at once, without a busy loop', async t => {
  const setting = settingOf(t)
  const { mine } = setting
  let requests = 0
  const counting: typeof fetch = (url, options) => {
    requests++
    return fetch(url, options)
  }
  const types = [
    'session',
    'phaseStat',
    'routine',
    'routineExercise',
    'superset',
    'exercise',
    'record',
    'badge',
    'device',
  ]
  const phones = new Map<string, RxdbPhone>()
  for (const type of types) {
    const database = `me-${type.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
    phones.set(type, await online(setting, { database, fetch: counting }))
  }
  await mine.put('/no-type', {})
  for (const round of [1, 2]) {
    const start = Date.now()
    await mine.post('/_bulk_docs', { docs: types.map(type => ({ _id: `${type}:${round}` })) })
    for (const [type, rx] of phones)
      await eventually(async () => (await rx.ids()).length === round, `${type}, ${round}`)
    t.ok(Date.now() - start < 4000, 'within a feed’s turn')
  }
  for (const [type, rx] of phones) {
    t.same(await rx.ids(), [`${type}:1`, `${type}:2`], `nothing but ${type}`)
    await rx.put({ _id: `${type}:mine` })
  }
  await eventually(
    async () => (await mine.get('/_all_docs')).json.rows.length === 3 * 9 + 1,
    'all are pushed',
  )
  const before = requests
  await sleep(2500)
  const idle = requests - before
  t.ok(idle <= 3 * 9, `${idle} requests in 2.5 s of nothing`)
  t.same(
    [...phones.values()].flatMap(rx => rx.errors),
    [],
  )
})

t.test('a phone that was away for a month: all agrees when it is back', async t => {
  const setting = settingOf(t)
  const { user, mine } = setting
  let token = server.token(user)
  const conflictHandler = NEWEST_WINS
  const [away, here] = [
    await rxdbPhone(t, server.url, () => token, { conflictHandler }),
    await online(setting, { conflictHandler }),
  ]
  const pouch = await setting.pouch()
  away.goOnline()
  const docs = Array.from({ length: 30 }, (_, i) => ({ _id: `doc-${10 + i}`, v: 0, updatedAt: 1 }))
  await here.collection.bulkInsert(docs)
  const states = [() => serverState(mine), () => rxState(here), () => pouchState(pouch), () => rxState(away)]
  await agree(states, docs, 'before')

  await away.goOffline()
  token = server.token(user, -10)
  for (let i = 0; i < 10; i++) await away.put({ _id: `doc-${10 + i}`, v: 'away', updatedAt: i < 5 ? 2 : 4 })
  await away.put({ _id: 'new', v: 'away', updatedAt: 2 })
  await away.remove('doc-20')
  const copy = await mkdtemp(join(tmpdir(), 'divan-month-'))
  t.teardown(() => rm(copy, { recursive: true, force: true }))
  await server.restart({}, () => cp(server.dataFolder, copy, { recursive: true }))
  for (let i = 0; i < 10; i++) await here.put({ _id: `doc-${10 + i}`, v: 'here', updatedAt: 3 })
  await pouch.local.remove(await pouch.local.get('doc-21'))
  await pouch.local.put({ _id: 'pouch', updatedAt: 3 })
  const admin = httpClient(`${server.url}/${userDbName(user)}`, server.basic)
  await eventually(async () => (await mine.get('/pouch')).status === 200, 'the others write on')
  t.equal((await admin.post('/_compact', {})).status, 202)
  await here.remove('doc-22')
  await eventually(async () => (await mine.get('/doc-22')).status === 404, 'deleted')
  const { json } = await admin.post('/_all_docs', { keys: ['doc-22'] })
  await eventually(
    async () => (await pouch.local.allDocs()).rows.every(({ id }) => id !== 'doc-22'),
    'everywhere',
  )
  t.equal((await admin.post('/_purge', { 'doc-22': [json.rows[0].value.rev] })).status, 201)

  // The folder of the beginning comes back: what RxDB has pushed since is pushed again under another name.
  await server.restart({}, async () => {
    await rm(server.dataFolder, { recursive: true })
    await cp(copy, server.dataFolder, { recursive: true })
  })
  await here.goOffline()
  here.goOnline('after the restore')
  await pouch.local.put({ _id: 'pouch again', updatedAt: 3 })
  away.goOnline('after the restore')
  await eventually(() => away.errors.length > 1, 'with an old token first')
  token = server.token(user)
  const expected = docs
    .map(({ _id }, i) =>
      i < 5 ? { _id, v: 'here', updatedAt: 3 } : i < 10 ? { _id, v: 'away', updatedAt: 4 } : docs[i],
    )
    .filter((_, i) => ![10, 11, 12].includes(i))
  const later = [
    { _id: 'new', v: 'away', updatedAt: 2 },
    { _id: 'pouch', updatedAt: 3 },
    { _id: 'pouch again', updatedAt: 3 },
  ]
  await agree(states, [...expected, ...later] as object[], 'after')
})

t.test(
  'phones on a bad line, online and offline at random: all agree, nothing of theirs is lost',
  async t => {
    for (let round = 0; round < rounds(2, 40); round++) await t.test('a user', randomLife)
  },
)

async function randomLife(t: Test): Promise<void> {
  const random = seededRandom(t)
  const { user, mine } = settingOf(t)
  const token = server.token(user)
  const line = await randomCuts(t, server.url, random, 8000)
  const actors = [
    await rxActor(t, 'one', line.url, token),
    await rxActor(t, 'two', line.url, token),
    await pouchActor(t, 'pouch', line.url, token),
  ]
  const own = new Map<string, RxdbDoc | undefined>()
  for (let step = 0; step < 80; step++) await act(random, random.pick(actors), step, own)
  line.heal()
  for (const actor of actors) await actor.setOnline(true)
  const kept = [...own.values()].filter(doc => doc !== undefined)
  const expected = JSON.stringify(kept.sort((a, b) => (a._id < b._id ? -1 : 1)).map(sorted))
  const states = () => Promise.all([serverState(mine), ...actors.map(actor => actor.state())])
  await eventually(
    async () => (await states()).every((state, _, [first]) => state === first && ownOf(state) === expected),
    'all agree',
  ).catch(async cause => {
    throw new Error(`${expected} wanted, seen: ${(await states()).join('\n')}`, { cause })
  })
  t.comment(`${line.count} connections were cut`)
}

/** `own` is what only one phone writes: it must be everywhere as that phone left it. */
async function act(
  random: SeededRandom,
  actor: Actor,
  updatedAt: number,
  own: Map<string, RxdbDoc | undefined>,
): Promise<void> {
  if (random.chance(0.15)) {
    await actor.setOnline(random.chance(0.6))
    return
  }
  const isOwn = random.chance(0.6)
  const _id = isOwn ? `own-${actor.name}-${random.below(4)}` : `shared-${random.below(4)}`
  const text = 'x'.repeat(random.below(500))
  const doc = random.chance(0.25) ? undefined : { _id, by: actor.name, updatedAt, text }
  if (isOwn) own.set(_id, doc)
  await (doc === undefined ? actor.remove(_id) : actor.put(doc))
  if (random.chance(0.3)) await sleep(random.below(30))
}

function ownOf(state: string): string {
  return JSON.stringify(JSON.parse(state).filter(({ _id }: { _id: string }) => _id.startsWith('own-')))
}

t.test('nothing was left unhandled', async t => t.same(unhandled, []))
