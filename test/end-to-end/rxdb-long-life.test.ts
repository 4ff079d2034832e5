import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { eventually } from '../fixtures/eventually.ts'
import { httpClient } from '../fixtures/http-client.ts'
import { NEWEST_WINS } from '../fixtures/newest-wins.ts'
import { type Actor, pouchActor, rxActor } from '../fixtures/phone-actors.ts'
import { pouchState, rxState, serverState, sorted } from '../fixtures/phone-states.ts'
import { randomCuts } from '../fixtures/random-cuts.ts'
import { rounds } from '../fixtures/rounds.ts'
import { runningServer } from '../fixtures/running-server.ts'
import { type RxdbDoc, type RxdbPhone, rxdbPhone } from '../fixtures/rxdb-phone.ts'
import { agree, online, settingOf } from '../fixtures/rxdb-setting.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'

const LIMIT = 100_000
const server = await runningServer(t, { maxDocumentBytes: LIMIT })

/** Node ends a process for each of these; RxDB's live pull is a promise that nobody awaits. */
const unhandled: unknown[] = []
process.on('unhandledRejection', error => unhandled.push(error))

t.test('any size of a batch brings all: 1, 100, 1000', async t => {
  const setting = settingOf(t, server)
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
  const setting = settingOf(t, server)
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
  const setting = settingOf(t, server)
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
  for (const id of ['behind', 'big'])
    await eventually(async () => (await mine.get(`/${id}`)).status === 200, `${id} is pushed`)
  await eventually(async () => (await rxState(rx)) === (await serverState(mine)), 'both agree')
})

t.test('RxDB’s edits leave the attachments where they are, its deletions do not', async t => {
  const setting = settingOf(t, server)
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
  const setting = settingOf(t, server)
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
    await mine.post('/_bulk_docs', { docs: types.map(type => ({ _id: `${type}:${round}` })) })
    for (const [type, rx] of phones)
      await eventually(async () => (await rx.ids()).length === round, `${type}, ${round}`)
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
  const setting = settingOf(t, server)
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
  const { user, mine } = settingOf(t, server)
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
    const lines = [expected, ...(await states())].map(brief)
    throw new Error(`wanted, on the server, on each phone:\n${lines.join('\n')}`, { cause })
  })
  t.comment(`${line.count} connections were cut`)
}

/** A state without what the documents hold. */
function brief(state: string): string {
  const docs: readonly RxdbDoc[] = JSON.parse(state)
  return docs.map(doc => `${doc._id} ${doc.updatedAt}`).join(', ')
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
