import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import PouchDB from 'pouchdb-node'
import t, { type Test } from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { eventually } from '../fixtures/eventually.ts'
import { httpClient } from '../fixtures/http-client.ts'
import type { Content } from '../fixtures/phone.ts'
import { agree, contentOf, idsOf, newUser, photo, twoPhones } from '../fixtures/pouch-setting.ts'
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

const expired = (user: string) => server.token(user, -10)

/** Sent documents that could not be stored: what PouchDB said of each. */
async function pushed({ local, remote }: WatchedPhone) {
  const denied: string[] = []
  const push = local.replicate.to(remote)
  push.on('denied', told => denied.push(String((told as { id?: string }).id)))
  return { result: await push, denied: denied.sort() }
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
    const { user, one, two } = await twoPhones(t, server)
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
  const { one, two } = await twoPhones(t, server)
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
  const mine = httpClient(`${server.url}/me`, server.bearer(newUser()))
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
  const { one, two } = await twoPhones(t, server)
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
    const { user, one, two } = await twoPhones(t, server)
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
  const { user, one } = await twoPhones(t, server)
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
  const { user, one, two } = await twoPhones(t, server)
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

t.test('a phone that once fell back to one request for each document goes on so', async t => {
  // PouchDB remembers it for the host, as long as the process lives.
  const { one, two } = await twoPhones(t, server)
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
