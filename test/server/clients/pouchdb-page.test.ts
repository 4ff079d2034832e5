import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import PouchDB from 'pouchdb-node'
import t, { type Test } from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import type { Content } from '../../fixtures/phone.ts'
import { PROJECT_FOLDER } from '../../fixtures/project-folder.ts'
import { runningServer } from '../../fixtures/running-server.ts'

/** The page's feeds live for a minute; here so long. */
const FEED_MS = 400

type Database = PouchDB.Database<Content>
type Databases = { readonly local: Database; readonly remote: Database }
type AskPortal = () => Promise<string>
type Told = (what: string, about?: { readonly id?: string; readonly status?: number }) => void

/** What the page's blocks export, as they are pasted into an app. */
type Page = {
  tokenSource(askPortal: AskPortal): { get(): Promise<string>; getOther(refused: string): Promise<string> }
  openDatabases(userId: string, askPortal: AskPortal): Databases
  forgiveFailedInfo(remote: Database): void
  goOnline(databases: Databases, told: Told): { cancel(): void }
  stayOnline(databases: Databases, told: Told, network?: EventTarget): () => void
  problemsOf(
    remote: Database,
  ): Promise<{ id: string; rev: string; problems: { path: string; reason: string }[] }[]>
  conflicting(local: Database): Promise<string[]>
  settle(local: Database, id: string, merge: (versions: Content[]) => Content): Promise<void>
  logOut(databases: Databases, stop: () => void): Promise<boolean>
}

const MAX_DOCUMENT_BYTES = 10_000
const server = await runningServer(t, { maxDocumentBytes: MAX_DOCUMENT_BYTES })
const folder = await mkdtemp(join(tmpdir(), 'divan-page-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
await symlink(join(PROJECT_FOLDER, 'node_modules'), join(folder, 'node_modules'))
let pages = 0

/** The page's blocks, put together, with the server at this URL. The local databases lie in this test's folder. */
async function page(url = server.url): Promise<Page> {
  const text = await readFile(join(PROJECT_FOLDER, 'server/clients/pouchdb.md'), 'utf8')
  const blocks = Array.from(text.matchAll(/^```js\n(.*?)^```$/gms), ([, block = '']) => block)
  const fences = text.match(/^```/gm)?.length
  if (fences !== blocks.length * 2) throw new Error('a block is left out of this test')
  const app = blocks
    .join('\n')
    .replace('http://127.0.0.1:5984', url)
    .replace('pouchdb-browser', 'pouchdb-node')
    .replace('fetchWithToken(PouchDB.fetch', 'fetchWithToken(nodeFetch')
    .replace('50_000', String(FEED_MS))
    .replace('`workouts-', `\`${folder}/${pages}-`)
  const file = join(folder, `app-${pages++}.mjs`)
  await writeFile(file, app)
  return import(pathToFileURL(file).href)
}

/** An app of a user, online; and how often it asked for a token. */
async function app(t: Test, user: string, { url, askPortal }: { url?: string; askPortal?: AskPortal } = {}) {
  const it = await page(url)
  const asked = { times: 0 }
  const token: AskPortal = askPortal ?? (async () => server.token(user))
  const databases = it.openDatabases(user, () => {
    asked.times++
    return token()
  })
  it.forgiveFailedInfo(databases.remote)
  const told: string[] = []
  const network = new EventTarget()
  const tell: Told = (what, about) => told.push([what, about?.id ?? about?.status].filter(Boolean).join(' '))
  const stop = it.stayOnline(databases, tell, network)
  t.teardown(async () => {
    stop()
    await databases.local.close().catch(() => {})
  })
  const mine = httpClient(`${server.url}/me`, server.bearer(user))
  return { ...it, ...databases, databases, asked, told, network, stop, mine }
}

const has = (database: Database, id: string) => database.get(id).catch(() => undefined)

t.test('what the app writes is on the server, and the other way round', async t => {
  const { local, mine, told, asked } = await app(t, 'anna')
  await local.put({ _id: 'here' })
  await mine.put('/there', {})
  await eventually(() => has(local, 'there'), 'the one comes')
  await eventually(async () => (await mine.get('/here')).status === 200, 'the other goes')
  await eventually(() => told.at(-1) === 'up to date', 'and the app is told')
  t.equal(asked.times, 1, 'one token for all requests, also those that began together')
})

t.test('tokens are renewed before they are out, and feeds end in time', async t => {
  const { local, mine, told, asked } = await app(t, 'bert', {
    askPortal: async () => server.token('bert', 2),
  })
  await eventually(() => asked.times >= 3, 'new tokens')
  await mine.put('/late', {})
  await eventually(() => has(local, 'late'), 'it goes on')
  t.notMatch(told.join(), /waiting|ended|denied/, 'and nobody notices')
})

t.test('a token that the server refuses is renewed once; nothing loops', async t => {
  const state = { token: server.token('carl', -5) }
  const { local, mine, told, asked, network } = await app(t, 'carl', { askPortal: async () => state.token })
  await eventually(
    () => told.filter(what => what === 'waiting 401').length === 2,
    'both halves wait, and say why',
  )
  t.ok(asked.times <= 12, `${asked.times} tokens for two halves that were refused`)
  await local.put({ _id: 'a' })
  state.token = server.token('carl')
  network.dispatchEvent(new Event('online'))
  await eventually(async () => (await mine.get('/a')).status === 200, 'at once when it may')
  t.notMatch(told.join(), /ended/)
})

t.test('no network, no token: the app waits, and the login page is asked no more than needed', async t => {
  const state = { isOffline: true }
  const { local, mine, told, network } = await app(t, 'dora', {
    askPortal: async () => {
      if (state.isOffline) throw new Error('no network')
      return server.token('dora')
    },
  })
  await local.put({ _id: 'a' })
  await eventually(() => told.filter(what => what === 'waiting').length === 2, 'both halves wait')
  state.isOffline = false
  network.dispatchEvent(new Event('online'))
  await eventually(async () => (await mine.get('/a')).status === 200, 'it goes on')
  t.notMatch(told.join(), /ended|denied/)
})

/** A network that swallows everything from one moment on, without closing anything. */
async function silentNetwork(t: Test, target: string) {
  const sockets = new Set<Socket>()
  const state = { isSilent: false }
  const proxy: Server = createServer(client => {
    const upstream = connect(Number(new URL(target).port), '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => (state.isSilent ? undefined : [client, upstream].map(side => side.destroy())))
    }
    client.on('data', bytes => state.isSilent || upstream.write(bytes))
    upstream.on('data', bytes => state.isSilent || client.write(bytes))
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => proxy.once('listening', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const { port } = proxy.address() as { port: number }
  return { url: `http://127.0.0.1:${port}`, state }
}

t.test('a feed whose network went away without a word is cut', async t => {
  const { url, state } = await silentNetwork(t, server.url)
  const { local, mine, told } = await app(t, 'emil', { url })
  await eventually(() => told.filter(what => what === 'up to date').length >= 2, 'online')
  state.isSilent = true
  await mine.put('/a', {})
  await eventually(() => told.includes('waiting'), 'it is found out')
  state.isSilent = false
  await eventually(() => has(local, 'a'), 'and asked for again')
})

t.test('what cannot be stored is denied, what does not fit is listed', async t => {
  const { local, remote, told, problemsOf, mine } = await app(t, 'fred')
  await local.put({ _id: '_design/mine' })
  await local.put({ _id: 'session:x', type: 'session' })
  await eventually(() => told.includes('denied _design/mine'), 'the app is told which')
  await eventually(async () => (await mine.get('/session:x')).status === 200, 'the other goes')
  const problems = await problemsOf(remote)
  t.match(problems, [{ id: 'session:x', rev: /^1-/, problems: [{ path: String, reason: String }] }])
})

t.test('conflicts are found and settled', async t => {
  const { local, mine, conflicting, settle } = await app(t, 'gina')
  const versions = [
    { _id: 'a', _rev: '2-a', _revisions: { start: 2, ids: ['a', 'c'] }, reps: 8 },
    { _id: 'a', _rev: '2-b', _revisions: { start: 2, ids: ['b', 'c'] }, reps: 12 },
  ]
  await mine.post('/_bulk_docs', { docs: versions, new_edits: false })
  await eventually(async () => (await conflicting(local)).join() === 'a', 'both are here')
  await settle(local, 'a', all => ({ reps: Math.max(...all.map(({ reps }) => Number(reps))) }))
  t.strictSame(await conflicting(local), [])
  await eventually(async () => {
    const { json } = await mine.get('/a?conflicts=true')
    return json.reps === 12 && json._conflicts === undefined
  }, 'and on the server')
})

t.test('logging out sends what is left, or keeps it', async t => {
  const { local, mine, databases, stop, logOut } = await app(t, 'hugo')
  await local.put({ _id: 'a' })
  await eventually(async () => (await mine.get('/a')).status === 200, 'online')
  stop()
  await local.put({ _id: 'b' })
  await server.restart({}, async () => {
    t.equal(await logOut(databases, stop), false, 'not without a network')
  })
  t.match(await local.get('b'), { _id: 'b' })
  t.equal(await logOut(databases, stop), true)
  t.equal((await mine.get('/b')).status, 200)
  const again = new PouchDB(local.name)
  t.equal((await again.info()).doc_count, 0, 'nothing is left on the phone')
  await again.close()
})

t.test('logging out keeps what the server denied, however long ago', async t => {
  const { local, told, mine, databases, stop, logOut } = await app(t, 'jana')
  await local.put({ _id: '_design/index' })
  await local.put({ _id: 'session:x', text: 'x'.repeat(MAX_DOCUMENT_BYTES) })
  await eventually(() => told.includes('denied session:x'), 'the app is told')
  await local.put({ _id: 'later' })
  await eventually(async () => (await mine.get('/later')).status === 200, 'replication has passed it')
  await eventually(() => told.at(-1) === 'up to date', 'and noted its place')
  t.equal(await logOut(databases, stop), false)
  t.equal(await logOut(databases, stop), false, 'nor when asked again')
  const doc = await local.get('session:x')
  await local.put({ ...doc, text: 'short' })
  t.equal(await logOut(databases, stop), true, 'once it is repaired, and whatever indexes the app has')
  t.equal((await mine.get('/session:x')).json.text, 'short')
})

t.test('a token without a time of issue is used until it is refused, whatever the clock says', async t => {
  const { tokenSource } = await page()
  const asked = { times: 0 }
  const payload = Buffer.from(JSON.stringify({ exp: Date.now() / 1000 - 86_400 })).toString('base64url')
  const tokens = tokenSource(async () => `a.${payload}.${asked.times++}`)
  t.equal(await tokens.get(), await tokens.get())
  t.equal(asked.times, 1)
  t.not(await tokens.getOther(await tokens.get()), `a.${payload}.0`)
  t.equal(asked.times, 2)
})

t.test('both pages have the same source of tokens', async t => {
  const [here, there] = await Promise.all(
    ['pouchdb', 'rxdb'].map(async name => {
      const text = await readFile(join(PROJECT_FOLDER, `server/clients/${name}.md`), 'utf8')
      return /^```js\n[^`]*export function tokenSource.*?^```$/ms.exec(text)?.[0]
    }),
  )
  t.ok(here)
  t.equal(here, there)
})

t.test('where the page says to look for the reason of a 401', async t => {
  const { status, json } = await httpClient(server.url, `Bearer ${server.token('ida', -5)}`).get('/_session')
  t.match({ status, json }, { status: 401, json: { reason: /expired/ } })
})
