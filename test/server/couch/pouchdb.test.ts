import PouchDB from 'pouchdb-node'
import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { type Content, fetchWithToken, phone } from '../../fixtures/phone.ts'
import { runningServer } from '../../fixtures/running-server.ts'

const server = await runningServer(t)
let users = 0

/** Two phones of one new user. */
async function twoPhones(t: Parameters<typeof phone>[0]) {
  const token = server.token(`user-${users++}`)
  return { token, one: await phone(t, server.url, token), two: await phone(t, server.url, token) }
}

/** Every document of a database with its leaves and attachments, to compare two of them. */
async function contentOf(database: PouchDB.Database<Content>): Promise<unknown> {
  const { results } = await database.changes({ style: 'all_docs', include_docs: true, attachments: true })
  return results
    .map(({ id, changes, doc }) => ({ id, revs: changes.map(({ rev }) => rev).sort(), doc }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

t.test('what one phone wrote, the other has', async t => {
  const { one, two } = await twoPhones(t)
  const photo = Buffer.alloc(200_000, 'photo').toString('base64')
  await one.local.bulkDocs(Array.from({ length: 250 }, (_, i) => ({ _id: `doc-${i}`, i })))
  await one.local.put({
    _id: 'photo',
    _attachments: { 'a/b.jpg': { content_type: 'image/jpeg', data: photo } },
  })
  const gone = await one.local.get('doc-7')
  await one.local.remove(gone)
  await one.local.put({ _id: 'odd', __proto__: 1, text: 'é😀\u0000', deep: { a: [null, 1.5, 'x'] } })

  const pushed = await one.local.replicate.to(one.remote)
  t.match(pushed, { ok: true, docs_written: 252, doc_write_failures: 0 })
  const pulled = await two.local.replicate.from(two.remote)
  t.match(pulled, { ok: true, docs_written: 252 })
  t.strictSame(await contentOf(two.local), await contentOf(one.local))
  const kept = (await two.local.get('photo', { attachments: true }))._attachments?.['a/b.jpg']
  t.match(kept, { content_type: 'image/jpeg', data: photo })

  const again = await one.local.replicate.to(one.remote)
  t.match(again, { docs_read: 0 }, 'the replication log says where to go on')
})

t.test('a conflict is the same on both phones and on the server, and so is its end', async t => {
  const { one, two } = await twoPhones(t)
  await one.local.put({ _id: 'a', v: 0 })
  await one.local.sync(one.remote)
  await two.local.sync(two.remote)
  const base = await one.local.get('a')
  await one.local.put({ ...base, v: 'one' })
  await two.local.put({ ...base, v: 'two' })
  for (const { local, remote } of [one, two, one]) await local.sync(remote)

  const seen = await Promise.all(
    [one.local, two.local, one.remote].map(database => database.get('a', { conflicts: true })),
  )
  t.equal(seen[0]?._conflicts?.length, 1)
  t.strictSame(seen[1], seen[0])
  t.strictSame(seen[2], seen[0])

  await two.local.remove('a', seen[0]?._conflicts?.[0] ?? '')
  for (const { local, remote } of [two, one]) await local.sync(remote)
  const settled = await one.local.get('a', { conflicts: true })
  t.notOk('_conflicts' in settled)
  t.equal(settled._rev, seen[0]?._rev)
  t.strictSame(await contentOf(one.remote), await contentOf(two.local))
})

t.test('two phones online see each other’s writes at once, deletions too', async t => {
  const { one, two } = await twoPhones(t)
  const syncs = [one, two].map(({ local, remote }) => local.sync(remote, { live: true, retry: true }))
  t.teardown(() => {
    for (const sync of syncs) sync.cancel()
  })
  for (let i = 0; i < 5; i++) {
    await one.local.put({ _id: `one-${i}` })
    await eventually(() => two.local.get(`one-${i}`), `one-${i} on the other phone`)
    await two.local.put({ _id: `two-${i}` })
    await eventually(() => one.local.get(`two-${i}`), `two-${i} on the other phone`)
  }
  await one.local.remove(await one.local.get('two-0'))
  await eventually(
    () =>
      two.local.get('two-0').then(
        () => false,
        error => error.reason === 'deleted',
      ),
    'the deletion',
  )
})

t.test('only some documents, by their ids', async t => {
  const { one, two } = await twoPhones(t)
  await one.local.bulkDocs(['a', 'b', 'c'].map(_id => ({ _id })))
  await one.local.replicate.to(one.remote)
  await two.local.replicate.from(two.remote, { doc_ids: ['a', 'c', 'none'] })
  t.strictSame(
    (await two.local.allDocs()).rows.map(row => row.id),
    ['a', 'c'],
  )
})

t.test('a live replication outlives a restart of the server', async t => {
  const { one, two } = await twoPhones(t)
  const syncs = [one, two].map(({ local, remote }) =>
    local.sync(remote, { live: true, retry: true, back_off_function: () => 50 }),
  )
  t.teardown(() => {
    for (const sync of syncs) sync.cancel()
  })
  await one.local.put({ _id: 'before' })
  await eventually(() => two.local.get('before'), 'the first write on the other phone')
  const restarted = server.restart()
  await one.local.put({ _id: 'meanwhile' })
  await restarted
  await eventually(() => two.local.get('meanwhile'), 'the write of the pause on the other phone')
  t.strictSame(await contentOf(one.local), await contentOf(two.local))
})

/** PouchDB's client for a user's database, and what it asked for: method, path and status, without what varies. */
function recordedRemote(token: string) {
  const requests: string[] = []
  const withToken = fetchWithToken(token)
  const remote = new PouchDB<Content>(`${server.url}/me`, {
    async fetch(url, options) {
      const answer = await withToken(url, options)
      const path = String(url)
        .replace(server.url, '')
        .replace(/_local\/[^?]*/, '_local/…')
        .replace(/since=\d+-\w+/, 'since=…')
      requests.push(`${options?.method ?? 'GET'} ${path} ${answer.status}`)
      return answer
    },
  })
  return { remote, requests }
}

t.test('the requests of a push and of a live pull, one by one', async t => {
  const token = server.token(`user-${users++}`)
  const { local } = await phone(t, server.url, token)
  const { remote, requests } = recordedRemote(token)
  await local.put({ _id: 'a' })
  await local.replicate.to(remote)
  t.strictSame(requests.splice(0), [
    'GET /me/ 200',
    'GET / 200',
    'GET /me/_local/… 404',
    'POST /me/_revs_diff 200',
    'POST /me/_bulk_docs 201',
    'GET /me/_local/… 404',
    'PUT /me/_local/… 201',
  ])

  const other = await phone(t, server.url, token)
  const pull = other.local.replicate.from(remote, { live: true })
  t.teardown(() => pull.cancel())
  await eventually(() => requests.some(line => line.includes('longpoll')) && other.local.get('a'), 'waiting')
  await local.put({ _id: 'b' })
  await local.replicate.to(other.remote)
  await eventually(() => other.local.get('b'), 'the second document')
  await eventually(() => requests.filter(line => line.includes('PUT /me/_local')).length === 2, 'two logs')
  // Some of them run side by side, so that their order varies.
  const distinct = [...new Set(requests)].sort()
  t.strictSame(distinct, [
    'GET / 200',
    'GET /me/ 200',
    'GET /me/_changes?style=all_docs&feed=longpoll&heartbeat=10000&since=…&limit=100 200',
    'GET /me/_changes?style=all_docs&feed=longpoll&heartbeat=10000&since=…&limit=99 200',
    'GET /me/_changes?style=all_docs&since=0&limit=100 200',
    'GET /me/_changes?style=all_docs&since=…&limit=100 200',
    'GET /me/_local/… 200',
    'GET /me/_local/… 404',
    'POST /me/_bulk_get?revs=true&latest=true 200',
    'PUT /me/_local/… 201',
  ])
})
