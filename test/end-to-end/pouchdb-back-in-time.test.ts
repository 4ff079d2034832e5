import t from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { eventually } from '../fixtures/eventually.ts'
import { httpClient } from '../fixtures/http-client.ts'
import { type Content, type Phone, phone } from '../fixtures/phone.ts'
import { serverWithCopies } from '../fixtures/server-with-copies.ts'

const server = await serverWithCopies(t)
const admin = httpClient(server.url, server.basic)
let users = 0

/** What a phone and its user's database on the server hold: each document with all leaves. */
async function contentOf(database: PouchDB.Database<Content>): Promise<string[]> {
  const { results } = await database.changes({ style: 'all_docs' })
  return results.map(({ id, changes }) => [id, ...changes.map(({ rev }) => rev).sort()].join(' ')).sort()
}

async function idsOf(database: PouchDB.Database<Content>): Promise<string[]> {
  return (await database.allDocs()).rows.map(row => row.id)
}

/** Live sync as an app has it; the back-off is shortened so that the test is. */
function goOnline(t: Tap, { local, remote }: Phone) {
  const sync = local.sync(remote, { live: true, retry: true, back_off_function: () => 50 })
  sync.on('error', error => t.fail(`live sync ended: ${String(error)}`))
  sync.on('denied', denied => t.fail(`denied: ${JSON.stringify(denied)}`))
  t.teardown(() => sync.cancel())
  return sync
}
type Tap = Parameters<typeof phone>[0]

/** Phone and server have the same documents, these and no others. */
async function agree(t: Tap, { local, remote }: Phone, ids: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const [here, there] = await Promise.all([contentOf(local), contentOf(remote)])
      return here.length === ids.length && here.join() === there.join()
    },
    `phone and server agree on ${ids.join(' ')}`,
  )
  t.same(await idsOf(local), ids)
  t.same(await idsOf(remote), ids)
}

type Setting = {
  readonly user: string
  readonly one: Phone
  readonly sync: ReturnType<typeof goOnline>
  put(...ids: string[]): Promise<void>
  /** Another device of the user's wrote this one to the server. */
  putElsewhere(id: string): Promise<void>
}

/** A new user's phone that is online and has its first documents on the server. */
async function settingOf(t: Tap): Promise<Setting> {
  const user = `user-${users++}`
  const one = await phone(t, server.url, server.token(user))
  const sync = goOnline(t, one)
  const mine = httpClient(`${server.url}/me`, server.bearer(user))
  const put = async (...ids: string[]) => {
    for (const _id of ids) await one.local.put({ _id })
  }
  await put('a1', 'a2')
  await agree(t, one, ['a1', 'a2'])
  return {
    user,
    one,
    sync,
    put,
    putElsewhere: async id => {
      await mine.put(`/${id}`, {})
    },
  }
}

/** The last update of all databases: what the bridge has seen. */
async function lastUpdate(): Promise<string> {
  return (await admin.get('/_db_updates')).json.last_seq
}

/** Asks as the bridge does, and tells whether it was shown that the store went back. */
async function witness(since: string): Promise<boolean> {
  return (await admin.get(`/_db_updates?since=${since}`)).json.rewound === true
}

/** The folder is copied aside, phone and server go on, the copy is put back. Answers the last update that was seen meanwhile. */
async function goBackInTime(
  t: Tap,
  { one, put, putElsewhere }: Setting,
  how: 'closed' | 'running' = 'running',
): Promise<string> {
  await server.copyAside(how)
  await put('b1', 'b2')
  await putElsewhere('c1')
  await agree(t, one, ['a1', 'a2', 'b1', 'b2', 'c1'])
  const seen = await lastUpdate()
  await server.copyBack()
  return seen
}

t.test('a restart', async t => {
  const { one, put } = await settingOf(t)
  await server.restart()
  await put('b1')
  await agree(t, one, ['a1', 'a2', 'b1'])
})

t.test('after a restart the next session goes on from the logs of the last one', async t => {
  const { user, one, sync, put } = await settingOf(t)
  const logsOf = async () =>
    (await admin.get(`/${userDbName(user)}/_local_docs`)).json.rows.map(({ id }: { id: string }) => id)
  sync.cancel()
  await one.local.sync(one.remote)
  const logs = await logsOf()
  t.equal(logs.length, 2, 'a push and a pull')
  await server.restart()
  await put('b1')
  await one.local.sync(one.remote)
  t.same(await logsOf(), logs, 'none has another name')
})

t.test('the folder copied back, while the phone stays online and goes on writing', async t => {
  const setting = await settingOf(t)
  const seen = await goBackInTime(t, setting, 'closed')
  t.equal(await witness(seen), true)
  await setting.put('d1')
  await agree(t, setting.one, ['a1', 'a2', 'b1', 'b2', 'c1', 'd1'])
})

t.test(
  'the folder copied back, and the phone has noted its progress there before anyone could tell',
  async t => {
    const setting = await settingOf(t)
    const seen = await goBackInTime(t, setting)
    await setting.put('d1')
    await eventually(async () => (await idsOf(setting.one.remote)).includes('d1'), 'it is pushed')
    await eventually(async () => (await setting.one.local.info()).doc_count === 6, 'nothing left the phone')
    t.equal(await witness(seen), true)
    await setting.put('e1')
    await agree(t, setting.one, ['a1', 'a2', 'b1', 'b2', 'c1', 'd1', 'e1'])
  },
)

t.test('the folder copied back, and the app is started again and writes nothing', async t => {
  const setting = await settingOf(t)
  const seen = await goBackInTime(t, setting)
  setting.sync.cancel()
  t.equal(await witness(seen), true)
  goOnline(t, setting.one)
  await agree(t, setting.one, ['a1', 'a2', 'b1', 'b2', 'c1'])
})

t.test('the folder copied back, and another reader of this database is the one who shows it', async t => {
  const setting = await settingOf(t)
  const { user, one } = setting
  await server.copyAside('running')
  await setting.put('b1')
  await agree(t, one, ['a1', 'a2', 'b1'])
  const reader = httpClient(`${server.url}/me`, server.bearer(user))
  const { last_seq } = (await reader.get('/_changes')).json
  await server.copyBack()
  t.equal((await reader.get(`/_changes?since=${last_seq}`)).json.rewound, true)
  await setting.put('d1')
  await agree(t, one, ['a1', 'a2', 'b1', 'd1'])
})

t.test('the database deleted and made anew, while the phone stays online', async t => {
  const { user, one, put } = await settingOf(t)
  await admin.delete(`/${userDbName(user)}`)
  await eventually(async () => (await one.remote.info()).doc_count === 0, 'there is a new one')
  await put('b1')
  await agree(t, one, ['a1', 'a2', 'b1'])
})

t.test('the database deleted and made anew, while the phone is offline', async t => {
  const { user, one, sync, put, putElsewhere } = await settingOf(t)
  sync.cancel()
  await admin.delete(`/${userDbName(user)}`)
  await putElsewhere('c1')
  await put('b1')
  goOnline(t, one)
  await agree(t, one, ['a1', 'a2', 'b1', 'c1'])
})

/**
 * Two tabs of a browser are two sessions of one log. Each asks for the log that is not there before it writes it, so neither can be
 * told from one that has just begun, and what is lost may stay away while both live. The next session that begins finds no log
 * under its name, whatever they noted.
 */
t.test('two tabs, and the database is deleted and made anew', async t => {
  const setting = await settingOf(t)
  const { user, one, sync, put } = setting
  const tab = goOnline(t, one)
  await put('b1')
  await agree(t, one, ['a1', 'a2', 'b1'])
  await admin.delete(`/${userDbName(user)}`)
  await eventually(async () => (await one.remote.info()).doc_count === 0, 'there is a new one')
  await put('c1')
  await eventually(async () => (await idsOf(one.remote)).includes('c1'), 'it is pushed')
  for (const live of [sync, tab]) live.cancel()
  goOnline(t, one)
  await agree(t, one, ['a1', 'a2', 'b1', 'c1'])
})

/** The log of the user's pushes as the server has it. */
async function pushLog(user: string): Promise<{ readonly path: string; readonly doc: object }> {
  const { rows } = (await admin.get(`/${userDbName(user)}/_local_docs?include_docs=true`)).json
  const logs = rows.map(({ doc }: { doc: PushLog }) => doc)
  const [doc] = logs.filter(({ last_seq: lastSeq }: PushLog) => typeof lastSeq === 'number').reverse()
  const { _id, _rev, ...log } = doc
  return { path: `/${userDbName(user)}/${_id}`, doc: log }
}
type PushLog = { readonly _id: string; readonly _rev: string; readonly last_seq: unknown }

const WAYS_BACK = {
  'made anew': async ({ user, one }) => {
    await admin.delete(`/${userDbName(user)}`)
    await one.remote.info()
  },
  'copied back': async () => {
    const seen = await lastUpdate()
    await server.copyBack()
    await witness(seen)
  },
  restored: () => server.restore(),
} satisfies Record<string, (setting: Setting) => Promise<void>>

for (const [name, goBack] of Object.entries(WAYS_BACK)) {
  t.test(`${name}: the log of another tab that knows nothing of it is read by no later session`, async t => {
    const setting = await settingOf(t)
    const { user, one, sync, put } = setting
    sync.cancel()
    await server.copyAside('running')
    await put('b1')
    await one.local.replicate.to(one.remote)
    const { path, doc } = await pushLog(user)
    await goBack(setting)
    // As two tabs do it: each asks before it writes.
    for (const _tab of [1, 2]) await admin.get(path)
    t.equal((await admin.put(path, doc)).status, 201)
    await one.local.sync(one.remote)
    await agree(t, one, ['a1', 'a2', 'b1'])
  })
}
