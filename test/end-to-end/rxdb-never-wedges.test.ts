import t from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { eventually } from '../fixtures/eventually.ts'
import { NEWEST_WINS } from '../fixtures/newest-wins.ts'
import { pouchState, rxState, serverState } from '../fixtures/phone-states.ts'
import { runningServer } from '../fixtures/running-server.ts'
import { type Endpoint, endpointOf, type Fault, faulty } from '../fixtures/rxdb-faults.ts'
import { rxdbPhone } from '../fixtures/rxdb-phone.ts'
import { agree, online, settingOf } from '../fixtures/rxdb-setting.ts'

const server = await runningServer(t)

/** Node ends a process for each of these; RxDB's live pull is a promise that nobody awaits. */
const unhandled: unknown[] = []
process.on('unhandledRejection', error => unhandled.push(error))

t.test('two RxDB phones and a PouchDB phone live on one database, through restarts', async t => {
  const setting = settingOf(t, server)
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
      const setting = settingOf(t, server)
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
    const setting = settingOf(t, server)
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

t.test(
  'between RxDB’s look at the masters and its push another one edits or deletes, whatever the id',
  async t => {
    const setting = settingOf(t, server)
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
  const setting = settingOf(t, server)
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
    const setting = settingOf(t, server)
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
    const setting = settingOf(t, server)
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
  const setting = settingOf(t, server)
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

t.test('nothing was left unhandled', async t => t.same(unhandled, []))
