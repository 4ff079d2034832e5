import t from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { eventually } from '../fixtures/eventually.ts'
import { type HttpClient, httpClient } from '../fixtures/http-client.ts'
import { phone } from '../fixtures/phone.ts'
import { type RxdbPhone, rxdbPhone } from '../fixtures/rxdb-phone.ts'
import { serverWithCopies } from '../fixtures/server-with-copies.ts'

const server = await serverWithCopies(t)
let users = 0
type Tap = Parameters<typeof rxdbPhone>[0]

type Setting = { readonly user: string; readonly mine: HttpClient; readonly rx: RxdbPhone }

/** A new user's phone with RxDB that is online, with `a1` on both sides. */
async function settingOf(t: Tap): Promise<Setting> {
  const user = `user-${users++}`
  const rx = await rxdbPhone(t, server.url, server.token(user))
  rx.goOnline()
  await rx.put({ _id: 'a1', v: 1 })
  const mine = httpClient(`${server.url}/me`, server.bearer(user))
  await eventually(async () => (await mine.get('/a1')).status === 200, 'a1 is pushed')
  return { user, mine, rx }
}

async function phoneHas(rx: RxdbPhone, ids: readonly string[]): Promise<void> {
  const have = () => rx.ids().then(list => list.join(' '))
  await eventually(async () => (await have()) === ids.join(' '), `${ids.join(' ')} on the phone`).catch(
    async cause => {
      throw new Error(`the phone has ${await have()}`, { cause })
    },
  )
}

async function serverIds(mine: HttpClient): Promise<string[]> {
  return (await mine.get('/_all_docs')).json.rows.map((row: { id: string }) => row.id)
}

/** A phone numbers its own changes; the log of a pull has a sequence of the server's, and may be written anew at any time. */
async function hasPushLog(mine: HttpClient): Promise<boolean> {
  const { rows } = (await mine.get('/_local_docs?include_docs=true')).json
  return rows.some(({ doc }: { doc: { last_seq: unknown } }) => typeof doc.last_seq === 'number')
}

t.test('RxDB pushes, pulls and waits, also after a restart of the server', async t => {
  const { user, mine, rx } = await settingOf(t)
  t.same(rx.errors, [])
  const two = await rxdbPhone(t, server.url, server.token(user))
  two.goOnline()
  for (let i = 10; i < 40; i++) await rx.put({ _id: `b${i}`, v: { deep: [i, null] } })
  await eventually(async () => (await two.ids()).length === 31, 'everything on the other phone')
  await two.remove('b13')
  await eventually(async () => (await rx.ids()).length === 30, 'the deletion on the first one')
  await server.restart()
  await rx.put({ _id: 'c1' })
  await mine.put('/c2', { v: 1 })
  for (const one of [rx, two]) await eventually(async () => (await one.ids()).length === 32, 'both new ones')
  t.same(await rx.docs(), await two.docs())
  t.same(await serverIds(mine), await rx.ids())
  const late = await rxdbPhone(t, server.url, server.token(user))
  await late.syncOnce()
  t.same(await late.docs(), await rx.docs())
})

t.test(
  'RxDB’s checkpoint lies in the future of a folder that was copied back: it gets every change',
  async t => {
    const { mine, rx } = await settingOf(t)
    await server.copyAside('running')
    for (const id of ['b1', 'b2', 'b3']) await mine.put(`/${id}`, { v: 1 })
    await phoneHas(rx, ['a1', 'b1', 'b2', 'b3'])
    await server.copyBack()
    await mine.put('/c1', { v: 1 })
    await phoneHas(rx, ['a1', 'b1', 'b2', 'b3', 'c1'])

    await rx.goOffline()
    await server.copyBack()
    await mine.put('/d1', { v: 1 })
    rx.goOnline()
    await mine.put('/d2', { v: 1 })
    await phoneHas(rx, ['a1', 'b1', 'b2', 'b3', 'c1', 'd1', 'd2'])
    const a1 = (await mine.get('/a1')).json
    await mine.put('/a1', { ...a1, v: 2 })
    await eventually(async () => (await rx.docs())[0]?.v === 2, 'and later ones')
    t.same(
      await serverIds(mine),
      ['a1', 'd1', 'd2'],
      'what RxDB believes to be there already it does not push',
    )

    await rx.goOffline()
    rx.goOnline('under another name')
    await eventually(
      async () => (await serverIds(mine)).length === 7,
      'with another replicationIdentifier it does',
    )
    t.same(await serverIds(mine), await rx.ids())
  },
)

t.test('RxDB’s checkpoint is of a database that was deleted and made anew: it gets every change', async t => {
  const { user, mine, rx } = await settingOf(t)
  for (const id of ['b1', 'b2']) await mine.put(`/${id}`, {})
  await phoneHas(rx, ['a1', 'b1', 'b2'])
  await httpClient(server.url, server.basic).delete(`/${userDbName(user)}`)
  await mine.put('/c1', {})
  await phoneHas(rx, ['a1', 'b1', 'b2', 'c1'])
  await rx.put({ _id: 'd1' })
  await eventually(async () => (await serverIds(mine)).join() === 'c1,d1', 'and pushes on')
})

t.test(
  'RxDB’s checkpoint shows that time went back, and a PouchDB of the same user pushes again',
  async t => {
    const { user, mine, rx } = await settingOf(t)
    const one = await phone(t, server.url, server.token(user))
    const sync = one.local.sync(one.remote, { live: true, retry: true, back_off_function: () => 50 })
    t.teardown(() => sync.cancel())
    await one.local.put({ _id: 'b1' })
    await phoneHas(rx, ['a1', 'b1'])
    await server.copyAside('running')
    await one.local.put({ _id: 'b2' })
    await phoneHas(rx, ['a1', 'b1', 'b2'])
    await server.copyBack()
    await eventually(
      async () =>
        rx.errors.length > 0 && (!(await hasPushLog(mine)) || (await serverIds(mine)).includes('b2')),
      'the log of the push is forgotten, and may have been written anew since',
    )
    await one.local.put({ _id: 'c1' })
    await phoneHas(rx, ['a1', 'b1', 'b2', 'c1'])
    await eventually(async () => (await serverIds(mine)).join(' ') === 'a1 b1 b2 c1', 'b2 is pushed again')
  },
)
