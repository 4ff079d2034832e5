import { Agent } from 'node:http'
import PouchDB from 'pouchdb-node'
import t, { type Test } from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { eventually } from '../fixtures/eventually.ts'
import { httpClient } from '../fixtures/http-client.ts'
import { type Content, fetchWithToken, phone } from '../fixtures/phone.ts'
import { agree, idsOf, newUser, twoPhones } from '../fixtures/pouch-setting.ts'
import { runningServer } from '../fixtures/running-server.ts'
import { watchedPhone } from '../fixtures/watched-phone.ts'

/** What an app may ask of PouchDB besides a sync of two phones: its options, its calls, many tabs. Nothing is broken here. */

const server = await runningServer(t)
const admin = httpClient(server.url, server.basic)

async function refused(t: Test, call: Promise<unknown>, status: number): Promise<void> {
  const error = await call.then(
    () => undefined,
    error => error,
  )
  t.match(error, { status })
}

t.test('six tabs of one browser, six connections: all are told of every change', async t => {
  const user = newUser()
  const token = server.token(user)
  const agent = new Agent({ maxSockets: 6 })
  t.teardown(() => agent.destroy())
  const tabs = await Promise.all(Array.from({ length: 6 }, () => phone(t, server.url, token)))
  const failed: unknown[] = []
  const syncs = tabs.map(({ local }) => {
    const remote = new PouchDB<Content>(`${server.url}/me`, {
      fetch(url, options = {}) {
        // PouchDB's fetch in Node takes an answer as cut when its connection already serves the next request.
        const headers = new Headers(options.headers)
        headers.set('Connection', 'close')
        return fetchWithToken(token)(url, { ...options, headers, agent } as typeof options)
      },
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
  const { one, two } = await twoPhones(t, server)
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
  const { one } = await twoPhones(t, server)
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
    const { one, two } = await twoPhones(t, server)
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
  const { user, one, two } = await twoPhones(t, server)
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
  const { one } = await twoPhones(t, server)
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
