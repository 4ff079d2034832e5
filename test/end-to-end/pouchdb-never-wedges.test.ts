import { Agent, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import PouchDB from 'pouchdb-node'
import t, { type Test } from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { eventually } from '../fixtures/eventually.ts'
import { httpClient } from '../fixtures/http-client.ts'
import { type Content, fetchWithToken, phone } from '../fixtures/phone.ts'
import { rounds } from '../fixtures/rounds.ts'
import { ADMIN, runningServer } from '../fixtures/running-server.ts'
import { fatal, type WatchedPhone, watchedPhone } from '../fixtures/watched-phone.ts'

/** Small, so that what is too large is quickly made. */
const MAX_DOCUMENT_BYTES = 300 * 1024
const MAX_ATTACHMENT_BYTES = 1024 * 1024

const server = await runningServer(t, {
  maxDocumentBytes: MAX_DOCUMENT_BYTES,
  maxAttachmentBytes: MAX_ATTACHMENT_BYTES,
  trustProxy: true,
})
const admin = httpClient(server.url, server.basic)
let users = 0

const expired = (user: string) => server.token(user, -10)

/** A watched phone and another one of the same new user. */
async function twoPhones(t: Test) {
  const user = `user-${users++}`
  const one = await watchedPhone(t, server.url, server.token(user))
  const two = await watchedPhone(t, server.url, server.token(user))
  return { user, one, two }
}

const photo = (bytes: number) => ({ content_type: 'image/jpeg', data: Buffer.alloc(bytes, 'photo') })

/** Every document with its leaves, and its attachments’ digests. */
async function contentOf(database: PouchDB.Database<Content>): Promise<string[]> {
  const { results } = await database.changes({ style: 'all_docs', include_docs: true })
  return results
    .map(({ id, changes, doc }) => {
      const digests = Object.entries(doc?._attachments ?? {}).map(([name, { digest }]) => `${name}=${digest}`)
      return [id, ...changes.map(({ rev }) => rev).sort(), ...digests].join(' ')
    })
    .sort()
}

async function agree(
  databases: readonly PouchDB.Database<Content>[],
  docs: number,
  withinMs = 20_000,
): Promise<void> {
  await eventually(
    async () => {
      const contents = await Promise.all(databases.map(contentOf))
      const [first = []] = contents
      return first.length === docs && contents.every(content => content.join() === first.join())
    },
    `${databases.length} databases agree on ${docs} documents`,
    withinMs,
  )
}

const idsOf = async (database: PouchDB.Database<Content>) =>
  (await database.allDocs()).rows.map(row => row.id)

/** Sent documents that could not be stored: what PouchDB said of each. */
async function pushed({ local, remote }: WatchedPhone) {
  const denied: string[] = []
  const push = local.replicate.to(remote)
  push.on('denied', told => denied.push(String((told as { id?: string }).id)))
  return { result: await push, denied: denied.sort() }
}

async function refused(t: Test, call: Promise<unknown>, status: number): Promise<void> {
  const error = await call.then(
    () => undefined,
    error => error,
  )
  t.match(error, { status })
}

/** Writes a document over a connection that may be cut, before or after the server took it. */
async function insist(remote: PouchDB.Database<Content>, _id: string): Promise<void> {
  await eventually(
    () => remote.put({ _id }).catch(error => error.status === 409 || Promise.reject(error)),
    `${_id} is written`,
  )
}

/** Runs once, at the first request that looks like this. */
function atFirst(pattern: RegExp, act: () => Promise<unknown> | unknown): WatchedPhone['meet'] {
  let isDone = false
  return async (request, send) => {
    if (!isDone && pattern.test(request)) {
      isDone = true
      await act()
    }
    return send()
  }
}

t.test('what vanishes between the feed and _bulk_get holds up nothing else', async t => {
  const ways: Record<string, (user: string) => Promise<unknown>> = {
    'a document that is purged': async user => {
      const { rows } = (await admin.get(`/${userDbName(user)}/_all_docs?key="gone"`)).json
      await admin.post(`/${userDbName(user)}/_purge`, { gone: [rows[0].value.rev] })
    },
    'a document that is deleted and compacted': async user => {
      const mine = httpClient(`${server.url}/me`, server.bearer(user))
      const { _rev } = (await mine.get('/gone')).json
      await mine.delete(`/gone?rev=${_rev}`)
      await admin.post(`/${userDbName(user)}/_compact`, {})
    },
    'the whole database': async user => {
      await admin.delete(`/${userDbName(user)}`)
      await httpClient(`${server.url}/me`, server.bearer(user)).put('/kept', {})
    },
  }
  for (const [name, vanish] of Object.entries(ways)) {
    const { user, one, two } = await twoPhones(t)
    await two.remote.bulkDocs([{ _id: 'gone' }, { _id: 'kept', _attachments: { 'a.jpg': photo(10) } }])
    let asked: string | undefined
    one.meet = async (request, send) => {
      if (request.startsWith('POST _bulk_get') && asked === undefined) await vanish(user)
      const answer = await send()
      if (request.startsWith('POST _bulk_get')) asked ??= await answer.clone().text()
      return answer
    }
    one.goOnline()
    await eventually(() => one.local.get('kept'), `${name}: the other one comes`)
    await eventually(async () => (await idsOf(one.local)).join() === 'kept', `${name}: and nothing else`)
    t.notMatch(asked, '{}', `${name}: every row says something`)
    const single = one.requests.filter(line => /^GET (gone|kept)\?/.test(line))
    t.strictSame(single, [], `${name}: one request for all`)
    t.strictSame(fatal(one.events), [], name)
  }
})

t.test('what can never be stored is denied, alone and once', async t => {
  const { one, two } = await twoPhones(t)
  const big = 'x'.repeat(MAX_DOCUMENT_BYTES)
  const bad: Content[] = [
    { _id: 'b-body', big },
    { _id: 'b-escapes', big: '\u0001'.repeat(MAX_DOCUMENT_BYTES) },
    { _id: 'b-attachment', _attachments: { 'a.jpg': photo(MAX_ATTACHMENT_BYTES + 1) } },
    // Larger than the text of any document within the limits: it is not even parsed.
    { big: 'x'.repeat(8 * MAX_DOCUMENT_BYTES), nested: { _id: 'not its id' }, _id: 'b-huge' },
    { _id: '_design/mine', views: {} },
    { _id: 'b-\ud800' },
    { _id: '..' },
    { _id: 'b-dots', _attachments: { 'a/../b.jpg': photo(1) } },
    { _id: 'é'.repeat(6000), _attachments: { 'a.jpg': photo(1) } },
    { _id: 'b-name', _attachments: { '\ud800': photo(1) } },
  ]
  const good: Content[] = Array.from({ length: 80 }, (_, i) => ({ _id: `g-${i}`, text: 'x'.repeat(1000) }))
  good.push({ _id: 'g-a', _attachments: { 'a//b/ é%?#.jpg': photo(MAX_ATTACHMENT_BYTES) } })
  // The first time within 8 MiB, which are parsed at once, then by way of a file.
  for (const [round, weight] of [0, 8].entries()) {
    const docs = [...bad, ...good].map(doc => ({ ...doc, round }) as Content)
    const heavy = Array.from({ length: weight }, (_, i) => ({
      _id: `g-heavy-${i}`,
      _attachments: { 'a.jpg': photo(MAX_ATTACHMENT_BYTES) },
    }))
    for (const doc of [...docs, ...heavy]) {
      const old = await one.local.get(doc._id as string).catch(() => undefined)
      await one.local.put({ ...doc, ...(old && { _rev: old._rev }) } as Content & { _id: string })
    }
    one.requests.length = 0
    const { result, denied } = await pushed(one)
    t.strictSame(denied, bad.map(({ _id }) => String(_id)).sort(), `round ${round}`)
    t.match(result, { ok: true, docs_written: good.length + weight, doc_write_failures: bad.length })
    t.equal(one.requests.filter(line => line.startsWith('POST _bulk_docs')).length, 1, 'no batch twice')
    await two.local.replicate.from(two.remote)
    t.equal((await two.local.info()).doc_count, good.length + weight, 'the others arrive')
  }
  one.requests.length = 0
  await pushed(one)
  t.notMatch(one.requests.join(), '_bulk_docs', 'nor is it tried again')
})

t.test('every error row of a batch has its id, also for what PouchDB would never send', async t => {
  const mine = httpClient(`${server.url}/me`, server.bearer(`user-${users++}`))
  const docs = [
    { _id: 'a', _rev: '1-a', _foo: 1 },
    { _id: 'b', _rev: '1-a', _attachments: { _x: { data: '' } } },
    { _id: 'c', _rev: 'no rev' },
    { _id: 'd', _rev: '1-a', _deleted: 'yes' },
    { _id: '_e', _rev: '1-a' },
    { _id: 'good', _rev: '1-a' },
  ]
  const answer = await mine.post('/_bulk_docs', { docs, new_edits: false })
  const rows = ['a', 'b', 'c', 'd', '_e'].map(id => ({ id, error: 'forbidden' }))
  t.match(answer, { status: 201, json: rows })
  t.equal(answer.json.length, rows.length)
})

t.test('large and many', async t => {
  const { one, two } = await twoPhones(t)
  const photos = rounds(10, 100)
  const large = rounds(10, 100)
  const small = rounds(500, 10_000)
  const docs: Content[] = [
    ...Array.from({ length: photos }, (_, i) => ({
      _id: `photo-${i}`,
      _attachments: { 'a.jpg': photo(MAX_ATTACHMENT_BYTES) },
    })),
    ...Array.from({ length: large }, (_, i) => ({ _id: `large-${i}`, text: 'é'.repeat(125 * 1024) })),
    ...Array.from({ length: small }, (_, i) => ({ _id: `small-${i}`, i })),
  ]
  await one.local.bulkDocs(docs)
  t.match(await pushed(one), { result: { ok: true, docs_written: docs.length }, denied: [] })
  t.match(await two.local.replicate.from(two.remote, { batch_size: 1000 }), { docs_written: docs.length })
  t.strictSame(await contentOf(two.local), await contentOf(one.local))
})

/** Each request of a sync, and what has to be on the phone or on the server so that it is sent. */
const REQUESTS = [
  /^GET \/me\/$/,
  /^GET \/ ?$/,
  /^GET _local/,
  /^GET _changes\?(?!.*longpoll)/,
  /^GET _changes\?.*longpoll/,
  /^POST _revs_diff/,
  /^POST _bulk_docs/,
  /^PUT _local/,
  /^GET theirs\/a\.jpg/,
  /^POST _bulk_get/,
]

/** One writes and reads, the other did before, and something happens at each kind of request. */
async function atEveryRequest(
  t: Test,
  happen: (phone: WatchedPhone, user: string) => Promise<WatchedPhone['meet']> | WatchedPhone['meet'],
  patterns: readonly RegExp[] = REQUESTS,
): Promise<void> {
  for (const pattern of patterns) {
    const { user, one, two } = await twoPhones(t)
    const name = String(pattern)
    await two.remote.put({ _id: 'theirs', _attachments: { 'a.jpg': photo(1000) } })
    await one.local.put({ _id: 'mine', _attachments: { 'b.jpg': photo(100_000) } })
    const then = await happen(one, user)
    let isMet = false
    one.meet = async (request, send) => {
      isMet ||= pattern.test(request)
      return isMet ? then(request, send) : send()
    }
    const sync = one.goOnline()
    await eventually(() => isMet, `${name} is sent`)
    await one.local.put({ _id: 'later' })
    await insist(two.remote, 'elsewhere')
    await agree([one.local, one.remote], 4).catch(error =>
      t.fail(`${name}: ${error}`, { events: one.events, requests: one.requests.slice(-40) }),
    )
    t.strictSame(fatal(one.events), [], name)
    sync.cancel()
  }
}

t.test('a token that is out at any of its requests, and renewed later', async t => {
  await atEveryRequest(t, (one, user) => {
    let refused = 0
    let isOut = false
    return async (_, send) => {
      if (!isOut) one.token = expired(user)
      isOut = true
      if (refused >= 3) one.token = server.token(user)
      const answer = await send()
      if (answer.status === 401) refused++
      return answer
    }
  })
})

t.test('a server that stops at any of its requests, and starts again', async t => {
  const some = [/longpoll/, /^POST _bulk_docs/, /^GET theirs/]
  const restart = () => {
    let restarted: Promise<void> | undefined
    const meet: WatchedPhone['meet'] = async (_, send) => {
      const answer = send()
      answer.catch(() => {})
      restarted ??= sleep(2).then(() => server.restart())
      await restarted
      return answer
    }
    return meet
  }
  await atEveryRequest(t, restart, rounds(0, 1) === 0 ? some : REQUESTS)
})

t.test('a token that is never renewed: nothing ends, and the app can see it', async t => {
  const { user, one } = await twoPhones(t)
  one.token = expired(user)
  one.goOnline()
  await one.local.put({ _id: 'mine' })
  await eventually(() => one.requests.length > 10, 'it tries and tries')
  t.ok(one.requests.every(line => line.endsWith(' 401')))
  t.strictSame(fatal(one.events), [])
  t.match(
    one.events.filter(event => !event.startsWith('sync')),
    [/^push paused: .+/, /^pull paused: .+/],
    'each says once why it waits',
  )
  t.match(
    one.events.filter(event => event.startsWith('sync')),
    ['sync paused: ', 'sync paused: '],
    'sync itself does not',
  )
  one.events.length = 0
  one.token = server.token(user)
  await agree([one.local, one.remote], 1)
  await eventually(() => one.events.includes('pull paused: '), 'paused without a reason: all is done')
})

t.test('a token that runs out while its feed waits, and during an upload', async t => {
  const { user, one, two } = await twoPhones(t)
  one.token = server.token(user, 2)
  const stale = one.token
  const upload = request(`${server.url}/me/upload/a.jpg`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${stale}`, 'Content-Type': 'image/jpeg' },
  })
  const answered = new Promise<number>((resolve, reject) => {
    upload.once('error', reject)
    upload.once('response', async answer => {
      await buffer(answer)
      resolve(answer.statusCode ?? 0)
    })
  })
  upload.write(Buffer.alloc(300_000))
  one.goOnline()
  await eventually(() => one.events.includes('pull paused: '), 'the phone waits')
  one.requests.length = 0
  await eventually(() => one.requests.some(line => line.endsWith(' 401')), 'the token ran out')
  t.match(
    one.requests[0],
    /longpoll.* 401$/,
    'its feed ended in order: PouchDB asks for the next one, and begins nothing anew',
  )
  upload.end(Buffer.alloc(300_000))
  t.equal(await answered, 201, 'what began in time is taken')
  await one.local.put({ _id: 'while it was out' })
  one.token = server.token(user)
  await two.remote.put({ _id: 'from another phone' })
  await agree([one.local, one.remote], 3)
  t.strictSame(fatal(one.events), [])
})

t.test('who guessed too many passwords waits, and goes on when he may', async t => {
  await admin.put('/notes')
  let address = '203.0.113.7'
  const guess = (password: string) =>
    httpClient(server.url, `Basic ${btoa(`${ADMIN.name}:${password}`)}`).get('/notes', {
      'X-Forwarded-For': address,
    })
  for (let i = 0; i < 12; i++) await guess(`guess ${i}`)
  t.equal((await guess('one more')).status, 429)
  const one = await watchedPhone(t, server.url, '')
  let authorization = `Basic ${btoa(`${ADMIN.name}:unknown`)}`
  const remote = new PouchDB<Content>(`${server.url}/notes`, {
    fetch: (url, options = {}) => {
      const headers = new Headers(options.headers)
      headers.set('Authorization', authorization)
      headers.set('X-Forwarded-For', address)
      return PouchDB.fetch(url, { ...options, headers })
    },
  })
  const pull = one.local.replicate.from(remote, { live: true, retry: true, back_off_function: () => 20 })
  t.teardown(() => pull.cancel())
  const told: unknown[] = []
  pull.on('paused', error => told.push(error))
  pull.on('error', error => t.fail(`ended: ${String(error)}`))
  await eventually(() => told.length > 0, 'it waits')
  t.match(told, [{ status: 429 }])
  address = '203.0.113.8'
  authorization = server.basic
  await admin.put('/notes/a', {})
  await eventually(() => one.local.get('a'), 'and goes on')
})

t.test('six tabs of one browser, six connections: all are told of every change', async t => {
  const user = `user-${users++}`
  const token = server.token(user)
  const agent = new Agent({ keepAlive: true, maxSockets: 6 })
  t.teardown(() => agent.destroy())
  const tabs = await Promise.all(Array.from({ length: 6 }, () => phone(t, server.url, token)))
  const failed: unknown[] = []
  const syncs = tabs.map(({ local }) => {
    const remote = new PouchDB<Content>(`${server.url}/me`, {
      fetch: (url, options) => fetchWithToken(token)(url, { ...options, agent } as typeof options),
    })
    const sync = local.sync(remote, { live: true, retry: true, back_off_function: () => 20 })
    return sync.on('error', error => failed.push(error)).on('denied', error => failed.push(error))
  })
  t.teardown(() => {
    for (const sync of syncs) sync.cancel()
  })
  const databases = tabs.map(({ local }) => local)
  for (const [index, { local }] of tabs.entries()) await local.put({ _id: `from-${index}` })
  // Two connections are left for all requests of six phones; on a busy machine that is slow.
  await agree(databases, 6, 90_000)
  await databases[5]?.put({ _id: 'one more' })
  await agree(databases, 7, 90_000)
  t.strictSame(failed, [])
})

t.test('sync called twice on one database', async t => {
  const { one, two } = await twoPhones(t)
  const syncs = [one.goOnline(), one.goOnline()]
  for (let i = 0; i < 3; i++) {
    await one.local.put({ _id: `mine-${i}` })
    await two.remote.put({ _id: `theirs-${i}` })
  }
  await agree([one.local, one.remote], 6)
  syncs[0]?.cancel()
  one.events.length = 0
  await one.local.put({ _id: 'after one of them ended' })
  await agree([one.local, one.remote], 7)
})

t.test('what is not a user’s to do is refused and harms nothing', async t => {
  const { one } = await twoPhones(t)
  await one.remote.put({ _id: 'mine' })
  await refused(t, one.remote.destroy(), 403)
  await refused(t, one.remote.compact(), 403)
  await refused(t, one.remote.put({ _id: '_design/x' }), 403)
  const again = await watchedPhone(t, server.url, one.token)
  t.strictSame(await idsOf(again.remote), ['mine'])
  for (const name of [userDbName('somebody'), 'recipes']) {
    const foreign = new PouchDB(`${server.url}/${name}`, { fetch: fetchWithToken(one.token) })
    await refused(t, foreign.info(), 403)
    t.equal((await admin.get(`/${name}`)).status, 404)
  }
})

t.test('replication with every option an app may give it', async t => {
  const options: PouchDB.Replication.ReplicateOptions[] = [
    { batch_size: 1 },
    { batch_size: 1000, batches_limit: 1 },
    { checkpoint: false },
    { checkpoint: 'source' },
    { checkpoint: 'target' },
    { doc_ids: ['d-0', 'd-1', 'd-2', 'd-3', 'd-4'] },
    { since: 0, retry: true, back_off_function: () => 20 },
    { filter: doc => doc._id !== 'none' },
    { timeout: 1000, heartbeat: 5000 },
  ] as PouchDB.Replication.ReplicateOptions[]
  for (const option of options) {
    const { one, two } = await twoPhones(t)
    await one.local.bulkDocs(Array.from({ length: 5 }, (_, i) => ({ _id: `d-${i}` })))
    await one.local.replicate.to(one.remote, option)
    await two.local.replicate.from(two.remote, option)
    t.equal((await idsOf(two.local)).length, 5, JSON.stringify(option))
    await one.local.put({ _id: 'd-5' })
    await one.local.replicate.to(one.remote, { ...option, doc_ids: undefined } as typeof option)
    await two.local.replicate.from(two.remote, { ...option, doc_ids: undefined } as typeof option)
    t.equal((await idsOf(two.local)).length, 6, `again, ${JSON.stringify(option)}`)
  }
})

t.test('live replication without heartbeats, from now on, and without PouchDB’s own set-up', async t => {
  const { user, one, two } = await twoPhones(t)
  await two.remote.put({ _id: 'before' })
  const remote = new PouchDB<Content>(`${server.url}/me`, {
    skip_setup: true,
    fetch: fetchWithToken(server.token(user)),
  })
  const pull = one.local.replicate.from(remote, {
    live: true,
    heartbeat: false,
    since: 'now',
    retry: true,
    back_off_function: () => 20,
  } as PouchDB.Replication.ReplicateOptions)
  t.teardown(() => pull.cancel())
  await new Promise(resolve => pull.once('paused', resolve))
  await two.remote.put({ _id: 'after' })
  await eventually(() => one.local.get('after'), 'what came after')
  t.strictSame(await idsOf(one.local), ['after'])
})

t.test('PouchDB’s calls on the remote database', async t => {
  const { one } = await twoPhones(t)
  const { remote } = one
  const seen: string[] = []
  const feed = remote.changes({ live: true, since: 0, include_docs: true, attachments: true })
  feed.on('change', ({ doc }) => seen.push(Object.keys(doc?._attachments ?? {}).join()))
  t.teardown(() => feed.cancel())

  const name = 'a b/c/é%2F?.jpg'
  const first = await remote.putAttachment('d/1', name, Buffer.from('bytes'), 'image/jpeg')
  t.equal(String(await remote.getAttachment('d/1', name)), 'bytes')
  t.equal(String(await remote.getAttachment('d/1', name, { rev: first.rev })), 'bytes')
  const doc = await remote.get('d/1', { attachments: true })
  t.match(doc._attachments, { [name]: { data: btoa('bytes') } })
  await eventually(() => seen.includes(name), 'the live feed has the attachment')

  const second = await remote.put({ _id: 'd/1', _rev: first.rev, v: 2 })
  await remote.bulkDocs([{ _id: 'd/1', _rev: '2-ffff', _revisions: { start: 2, ids: ['ffff', 'eeee'] } }], {
    new_edits: false,
  })
  const leaves = await remote.get('d/1', { open_revs: 'all' })
  t.strictSame(leaves.map(leaf => ('ok' in leaf ? leaf.ok._rev : leaf)).sort(), [second.rev, '2-ffff'].sort())
  const some = await remote.get('d/1', { open_revs: ['2-ffff', '9-9999'] })
  t.match(some, [{ ok: { _rev: '2-ffff' } }, { missing: '9-9999' }])
  const bulk = await remote.bulkGet({ docs: [{ id: 'd/1', rev: '2-ffff' }, { id: 'none' }] })
  t.match(bulk.results, [
    { id: 'd/1', docs: [{ ok: { _rev: '2-ffff' } }] },
    { id: 'none', docs: [{ error: { error: 'not_found' } }] },
  ])
  const { rows } = await remote.allDocs({ keys: ['d/1', 'none', 'é/"'], include_docs: true, conflicts: true })
  t.match(rows, [{ id: 'd/1', doc: { _conflicts: [String] } }, { error: 'not_found' }, { key: 'é/"' }])
  const attachment = await remote.putAttachment('d/2', 'x', Buffer.from('x'), 'text/plain')
  await remote.removeAttachment('d/2', 'x', attachment.rev)
  await refused(t, remote.getAttachment('d/2', 'x'), 404)
  t.match(await remote.info(), { doc_count: 2, db_name: String })
  await remote.close()
})

t.test('a phone that once fell back to one request for each document goes on so', async t => {
  // PouchDB remembers it for the host, as long as the process lives.
  const { one, two } = await twoPhones(t)
  const local = server.url.replace('127.0.0.1', 'localhost')
  const slow = await watchedPhone(t, local, one.token)
  slow.meet = atFirst(/^POST _bulk_get/, () => {
    throw new Error('cut')
  })
  await one.remote.bulkDocs([{ _id: 'a/é?', _attachments: { 'b/c.jpg': photo(10) } }, { _id: 'd' }])
  await one.remote.bulkDocs([{ _id: 'd', _rev: '2-ff', _revisions: { start: 2, ids: ['ff', 'ee'] } }], {
    new_edits: false,
  })
  slow.goOnline()
  await agree([slow.local, one.remote], 2)
  await two.remote.put({ _id: 'later' })
  await agree([slow.local, one.remote], 3)
  t.match(slow.requests.join('\n'), /GET d\?.*open_revs/)
  t.strictSame(fatal(slow.events), [])
})
