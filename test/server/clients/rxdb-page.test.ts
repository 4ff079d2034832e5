import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { RxCollection, RxDatabase } from 'rxdb/plugins/core'
import type { RxCouchDBReplicationState } from 'rxdb/plugins/replication-couchdb'
import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import { PROJECT_FOLDER } from '../../fixtures/project-folder.ts'
import { runningServer } from '../../fixtures/running-server.ts'

type Session = { readonly _id: string; readonly weightPerCableKg?: number; readonly mode?: string }
type Tokens = { get(): Promise<string>; getOther(refused: string): Promise<string> }

/** What the page's module exports. */
type Page = {
  TYPES: object
  openDatabase(options: { multiInstance: boolean }): Promise<RxDatabase>
  openCollections(database: RxDatabase, types: object): Promise<Record<string, RxCollection<Session>>>
  newDoc(type: string, members: object): Session
  tokenSource(askPortal: () => Promise<string>): Tokens
  startReplication(
    collection: RxCollection<Session>,
    options: {
      type: string
      url: string
      tokens: Tokens
      retryTime: number
      onError: (error: unknown) => void
    },
  ): RxCouchDBReplicationState<Session>
}

/** All blocks of the page as one module, the way an app would have it. */
async function pageModule(): Promise<Page> {
  const page = await readFile(join(PROJECT_FOLDER, 'server/clients/rxdb.md'), 'utf8')
  const blocks = Array.from(page.matchAll(/^```js\n(.*?)^```$/gms), ([, text = '']) => text)
  const folder = await mkdtemp(join(tmpdir(), 'divan-page-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await symlink(join(PROJECT_FOLDER, 'node_modules'), join(folder, 'node_modules'))
  const file = join(folder, 'sync.mjs')
  await writeFile(file, blocks.join('\n'))
  return await import(pathToFileURL(file).href)
}

const [server, page] = await Promise.all([runningServer(t), pageModule()])
const mine = httpClient(`${server.url}/me`, server.bearer('anna'))
const view = httpClient(`${server.url}/me-session`, server.bearer('anna'))

const database = await page.openDatabase({ multiInstance: false })
const collections = await page.openCollections(database, page.TYPES)
const { session: collection, phaseStat, gamificationStats } = collections
if (!collection || !phaseStat || !gamificationStats) throw new Error('the page has other types')
let asked = 0
let issue = () => {
  asked++
  return server.token('anna')
}
const tokens = page.tokenSource(async () => issue())
const errors: unknown[] = []
const start = (of = collection, type = 'session') =>
  page.startReplication(of, {
    type,
    url: server.url,
    tokens,
    retryTime: 50,
    onError: error => errors.push(error),
  })
let replication = start()
t.teardown(async () => {
  await replication.cancel()
  await database.close()
})
const has = async (id: string) => collection.findOne(id).exec()

t.test('what a phone inserts, edits and deletes is on the server, and the other way round', async t => {
  const doc = page.newDoc('session', {
    timestamp: 1,
    mode: 'OldSchool',
    targetReps: 10,
    weightPerCableKg: 40,
  })
  t.match(doc._id, /^session:[0-9a-f-]{36}$/)
  const inserted = await collection.insert(doc)
  const there = await eventually(async () => {
    const { status, json } = await view.get(`/${doc._id}`)
    return status === 200 && json
  }, 'inserted')
  t.match(there, { type: 'session', weightPerCableKg: 40, updatedAt: Number })
  t.strictSame((await mine.get('/_problems')).json.problems, [], 'it fits its description')
  await inserted.incrementalPatch({ weightPerCableKg: 42.5 })
  await eventually(async () => (await view.get(`/${doc._id}`)).json.weightPerCableKg === 42.5, 'edited')
  await mine.put('/session:theirs', { type: 'session', updatedAt: 1 })
  await eventually(() => has('session:theirs'), 'from elsewhere')
  await inserted.getLatest().remove()
  await eventually(async () => (await view.get(`/${doc._id}`)).json.reason === 'deleted', 'deleted')
  t.equal(asked, 1, 'one token for all requests')
  t.same(errors, [])
})

t.test('an id without its type is stored, listed as a problem, and shown to no collection', async t => {
  await view.put('/no-type', {})
  await view.put('/session:later', {})
  await eventually(() => has('session:later'), 'one that came later')
  t.notOk(await has('no-type'))
  const { problems } = (await mine.get('/_problems')).json
  t.match(problems.find(({ id }: { id: string }) => id === 'no-type')?.problems, [{ path: '_id' }])
  await t.rejects(
    collection.insert({ ...page.newDoc('session', {}), _id: 'no-type' }),
    /no-type: its id is not of type session/,
  )
})

t.test('a type of two words and the one document of a user replicate beside it', async t => {
  const stats = start(phaseStat, 'phaseStat')
  const totals = start(gamificationStats, 'gamificationStats')
  const mineOnly = page.newDoc('gamificationStats', { _id: 'gamificationStats', totalReps: 3 })
  const [{ primary }] = await Promise.all([
    phaseStat.insert(page.newDoc('phaseStat', { sessionId: 'x' })),
    gamificationStats.insert(mineOnly),
  ])
  const at = (kebab: string) => httpClient(`${server.url}/me-${kebab}`, server.bearer('anna'))
  await eventually(async () => (await at('phase-stat').get(`/${primary}`)).status === 200, 'the one goes')
  await eventually(async () => (await mine.get('/gamificationStats')).json.totalReps === 3, 'the other, too')
  await mine.put('/phaseStat:phone-1:1', { type: 'phaseStat', updatedAt: 1 })
  await eventually(async () => phaseStat.findOne('phaseStat:phone-1:1').exec(), 'and the other way round')
  t.equal(await has(primary), null, 'each in its own collection')
  await t.rejects(phaseStat.insert(page.newDoc('session', {})), /its id is not of type phaseStat/)
  await Promise.all([stats.cancel(), totals.cancel()])
  t.same(errors, [])
})

t.test('a token is renewed before its end and when it is refused, once for all who wait', async t => {
  asked = 0
  const minute = page.tokenSource(async () => server.token('anna', ++asked === 1 ? 30 : 3600))
  await Promise.all([minute.get(), minute.get()])
  await minute.get()
  t.equal(asked, 1, 'asked once, also where it lasts for less than a minute')
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 28_000
  const [one, two] = await Promise.all([minute.get(), minute.get()])
  Date.now = now
  t.equal(asked, 2, 'again in the last tenth of its life, once')
  t.equal(one, two)
  await Promise.all([minute.getOther(one), minute.getOther(one)])
  t.equal(asked, 3, 'and when it is refused')

  asked = 0
  issue = () => {
    asked++
    if (asked > 2 && asked < 6) throw new Error('the portal is away')
    return server.token('anna', asked < 3 ? -10 : 3600)
  }
  await tokens.getOther(await tokens.get())
  await mine.put('/session:renewed', { type: 'session', updatedAt: 1 })
  await collection.insert({ ...page.newDoc('session', {}), _id: 'session:waiting' })
  await eventually(() => has('session:renewed'), 'it goes on')
  await eventually(async () => (await view.get('/session:waiting')).status === 200, 'both ways')
  t.match(String(errors.map(error => JSON.stringify(error))), /the portal is away/)
})

t.test('an error in JSON at the live feed, which would end RxDB’s pull, is tried again', async t => {
  const { fetch: real } = globalThis
  t.teardown(() => {
    globalThis.fetch = real
  })
  let failures = 0
  globalThis.fetch = async (url, options) => {
    if (!String(url).includes('_changes') || failures >= 4) return real(url, options)
    failures++
    return Response.json({ error: 'bad_gateway', reason: 'says a proxy' }, { status: 502 })
  }
  await replication.cancel()
  replication = start()
  await eventually(() => failures === 4, 'all of them')
  await mine.put('/session:after', { type: 'session', updatedAt: 1 })
  await eventually(() => has('session:after'), 'it goes on')
  t.match(JSON.stringify(errors), /502 \/me-session\/_changes .*says a proxy/)
})

t.test('what is too large never comes into the queue', async t => {
  const mode = 'x'.repeat(8 * 1024 * 1024)
  await t.rejects(collection.insert(page.newDoc('session', { mode })), /larger than 8388608 bytes/)
  const doc = await collection.insert(page.newDoc('session', { mode: 'Echo' }))
  await t.rejects(doc.incrementalPatch({ mode }), /larger than 8388608 bytes/)
  // As if it had been there before the guard.
  const old = page.newDoc('session', { mode })
  const { hooks } = collection
  Object.assign(collection, { hooks: {} })
  await collection.insert(old)
  Object.assign(collection, { hooks })
  const next = await collection.insert(page.newDoc('session', { mode: 'Echo' }))
  await eventually(async () => (await view.get(`/${next.primary}`)).status === 200, 'what is behind it goes')
  t.equal((await view.get(`/${old._id}`)).status, 404)
})

t.test('two phones’ edits: the newer one wins, on both', async () => {
  const doc = await collection.insert(page.newDoc('session', { mode: 'Echo' }))
  const { _rev, ...there } = await eventually(async () => {
    const { status, json } = await view.get(`/${doc.primary}`)
    return status === 200 && json
  }, 'inserted')
  for (const [updatedAt, mode] of [
    [there.updatedAt - 1000, 'mine'],
    [Date.now() + 100_000, 'theirs'],
  ] as const) {
    await replication.cancel()
    await doc.incrementalPatch({ mode: 'mine' })
    const { json } = await view.get(`/${doc.primary}`)
    await view.put(`/${doc.primary}`, { ...json, mode: 'theirs', updatedAt })
    replication = start()
    const seen = async () => [(await has(doc.primary))?.mode, (await view.get(`/${doc.primary}`)).json.mode]
    await eventually(async () => (await seen()).join() === `${mode},${mode}`, `${mode} on both`)
  }
})
