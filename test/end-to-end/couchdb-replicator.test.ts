import { randomBytes } from 'node:crypto'
import t from 'tap'
import { CouchReplicator, type Endpoint } from '../fixtures/couch-replicator.ts'
import { eventually } from '../fixtures/eventually.ts'
import { adminDatabase, type HttpClient, httpClient } from '../fixtures/http-client.ts'
import { rounds } from '../fixtures/rounds.ts'
import { ADMIN, runningServer } from '../fixtures/running-server.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'

const server = await runningServer(t)
const other = await runningServer(t)
const PHOTO = randomBytes(300_000)

/** What CouchDB does with a name and a password in an endpoint's URL: it begins a session. */
async function adminSession(): Promise<Readonly<Record<string, string>>> {
  const reply = await fetch(`${other.url}/_session`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      'User-Agent': 'CouchDB-Replicator/3.5.0',
    },
    body: new URLSearchParams({ name: ADMIN.name, password: ADMIN.password }),
  })
  t.equal(reply.status, 200)
  const [cookie = ''] = reply.headers.get('set-cookie')?.split(';') ?? []
  return { Cookie: cookie }
}

/** The ids of versions 4 to 1. */
function logIds(): readonly string[] {
  return Array.from({ length: 4 }, () => randomBytes(16).toString('hex'))
}

/** All leaves of all documents with their histories and bytes. */
async function treesOf(database: HttpClient): Promise<Record<string, unknown>> {
  const { results } = (await database.get('/_changes?style=all_docs')).json
  const trees = results.map(async ({ id }: { id: string }) => {
    const path = `/${encodeURIComponent(id)}?open_revs=all&revs=true&attachments=true`
    const leaves = (await database.get(path)).json as readonly { ok: { _rev: string } }[]
    return [id, leaves.map(({ ok }) => ok)]
  })
  return Object.fromEntries((await Promise.all(trees)).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function revision(_id: string, ids: readonly string[], more: object = {}) {
  return { _id, _revisions: { start: ids.length, ids }, ...more }
}

async function store(database: HttpClient, docs: readonly object[]): Promise<void> {
  t.strictSame((await database.post('/_bulk_docs', { docs, new_edits: false })).json, [])
}

const photo = { content_type: 'image/jpeg', data: PHOTO.toString('base64'), revpos: 1 }
const note = { content_type: 'text/plain; charset=utf-8', data: 'bm90ZQ==', revpos: 2 }
const empty = { content_type: 'text/plain', data: '', revpos: 1 }

t.test('CouchDB’s replicator copies trees in both directions and goes on where it was', async t => {
  const user = httpClient(`${server.url}/me`, server.bearer('replicated'))
  await user.get('')
  const copy = await adminDatabase(other, 'copy')
  const here: Endpoint = {
    url: `${server.url}/me`,
    headers: { Authorization: server.bearer('replicated') },
  }
  const there: Endpoint = { url: `${other.url}/copy`, headers: await adminSession() }

  await store(user, [
    ...Array.from({ length: 40 }, (_, n) => revision(`doc ${n}/ü+`, [`${n}`], { n, nested: [{ n }] })),
    revision('conflict', ['b', 'x'], { v: 'b' }),
    revision('conflict', ['a', 'x'], { v: 'a' }),
    revision('conflict', ['c', 'x'], { _deleted: true }),
    revision('gone', ['3', '2', '1'], { _deleted: true, why: 'old' }),
    revision('photo', ['x'], { _attachments: { photo, empty } }),
    revision('photos in conflict', ['b', 'x'], {
      _attachments: { photo, 'note "ü"\r\n.txt': note },
    }),
    revision('photos in conflict', ['a', 'x'], { _attachments: { note } }),
    revision('without photo', ['y', 'x'], { v: 2 }),
  ])
  await user.put('/_local/own', { v: 'stays' })

  const ids = logIds()
  const out = new CouchReplicator(here, there, ids)
  const first = await out.run()
  t.match(first, {
    startSeq: '0',
    missingChecked: 48,
    missingFound: 48,
    docsRead: 48,
    docsWritten: 48,
    docWriteFailures: 0,
    multipartRead: 3,
    multipartWritten: 3,
  })
  const copied = await treesOf(copy)
  t.match(copied, { photo: [{ _attachments: { photo: { data: photo.data }, empty: { data: '' } } }] })
  t.same(copied, await treesOf(user))
  t.equal((await copy.get('/_local/own')).status, 404)

  await store(copy, [
    revision('photo', ['y', 'x'], { v: 2, _attachments: { photo: { stub: true, revpos: 1 }, note } }),
    revision('photo', ['z', 'x'], { v: 3, _attachments: { photo: { stub: true, revpos: 1 } } }),
    revision('conflict', ['q', 'b', 'x'], { v: 'longer' }),
    revision('doc 1/ü+', ['2', '1'], { _deleted: true }),
    revision('from there', ['1'], { v: 1 }),
    revision('_design/theirs', ['1'], { views: {} }),
  ])
  const back = new CouchReplicator(there, here, logIds())
  const second = await back.run()
  t.match(second, { startSeq: '0', missingFound: 6, docsWritten: 5, docWriteFailures: 1 })
  t.match(second, { multipartRead: 1, multipartWritten: 1 }, 'z has the photo as a stub, y the note alone')
  const { '_design/theirs': _, ...trees } = await treesOf(copy)
  t.same(await treesOf(user), trees, 'a user is not given design documents, all else goes on')

  const third = await out.run()
  t.not(third.startSeq, '0')
  t.match(third, { missingFound: 0, docsRead: 0 })
  t.match(await out.run(), { missingChecked: 0 }, 'there is nothing after the checkpoint')

  const older = new CouchReplicator(here, there, [...logIds().slice(1), ...ids])
  t.equal((await older.run()).startSeq, (await out.run()).startSeq, 'a log of an older version is taken over')
  const { update_seq: seq } = (await user.get('')).json
  await user.post('/_bulk_docs', { docs: [{ _id: 'p1' }, { _id: 'p2' }] })
  t.equal(await out.pending(seq), 2)
})

t.test('CouchDB’s replicator follows a continuous feed until it is silent, and again', async t => {
  const source = await adminDatabase(server, 'followed')
  const target = await adminDatabase(other, 'following')
  const replicator = new CouchReplicator(
    { url: `${server.url}/followed`, headers: { Authorization: server.basic } },
    { url: `${other.url}/following`, headers: await adminSession() },
    logIds(),
  )
  await store(source, [revision('before', ['1'])])
  const following = replicator.follow(1000)
  await eventually(async () => (await target.get('/before')).status === 200, 'what was there')
  await store(source, [
    revision('a', ['x'], { _attachments: { photo } }),
    revision('b', ['y', 'x'], { v: 1 }),
  ])
  await store(source, [revision('b', ['z', 'x'], { v: 2 }), revision('a', ['y', 'x'], { _deleted: true })])
  const stats = await following
  t.equal(stats.docWriteFailures, 0)
  t.same(await treesOf(target), await treesOf(source))
  await store(source, [revision('b', ['w', 'x'], { _attachments: { empty } })])
  const { startSeq, missingFound } = await replicator.follow(1)
  t.not(startSeq, '0')
  t.equal(missingFound, 1)
  t.same(await treesOf(target), await treesOf(source))
})

/** A revision on top of any leaf of a document here, or on nothing; with some of its parent's attachments, some new ones, or deleted. */
async function randomRevision(random: SeededRandom, database: HttpClient): Promise<object> {
  const id = `doc ${random.below(6)}`
  const leaves = (await database.get(`/${encodeURIComponent(id)}?open_revs=all&revs=true`)).json
  const parent = Array.isArray(leaves) && random.chance(0.9) ? random.pick(leaves).ok : undefined
  const { start = 0, ids = [] } = parent?._revisions ?? {}
  const kept = Object.entries(parent?._attachments ?? {}).filter(() => random.chance(0.7))
  const added = Array.from({ length: random.below(3) }, () => {
    const data = Buffer.alloc(random.below(100_000), random.below(256)).toString('base64')
    return [`name ${random.below(4)}`, { content_type: 'a/b', data, revpos: start + 1 }]
  })
  return {
    _id: id,
    _revisions: { start: start + 1, ids: [random.next().toString(16).slice(2), ...ids] },
    ...(random.chance(0.15) ? { _deleted: true } : {}),
    _attachments: Object.fromEntries([...kept, ...added]),
    v: random.next(),
  }
}

t.test('whatever is written on both sides, both have the same after a run in each direction', async t => {
  const random = seededRandom(t)
  const databases = [await adminDatabase(server, 'random'), await adminDatabase(other, 'random')] as const
  const here: Endpoint = { url: `${server.url}/random`, headers: { Authorization: server.basic } }
  const there: Endpoint = { url: `${other.url}/random`, headers: { Authorization: other.basic } }
  const out = new CouchReplicator(here, there, logIds())
  const back = new CouchReplicator(there, here, logIds())
  for (let round = 0; round < rounds(4, 100); round++) {
    for (let n = 0; n < 8; n++) {
      const database = random.pick(databases)
      await store(database, [await randomRevision(random, database)])
    }
    const runs = [await out.run(), await back.run()]
    t.strictSame(
      runs.map(({ docWriteFailures }) => docWriteFailures),
      [0, 0],
    )
    t.same(await treesOf(databases[1]), await treesOf(databases[0]), `round ${round}`)
  }
})
