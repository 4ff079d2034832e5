import { randomUUID } from 'node:crypto'
import t from 'tap'
import { entitiesIn } from '../../../../design-docs/catalogue.ts'
import { designDocsOf } from '../../../../design-docs/design-doc.ts'
import type { DatabaseKind } from '../../../../design-docs/entity.ts'
import { metricsDbName, userDbName } from '../../../../design-docs/user-db.ts'
import { adminDatabase, type HttpClient, httpClient } from '../../../fixtures/http-client.ts'
import { phone } from '../../../fixtures/phone.ts'
import { runningServer } from '../../../fixtures/running-server.ts'
import { sessionDoc } from '../../../fixtures/workout.ts'

const server = await runningServer(t)
const ID = '_design/entities'
const [OURS = { _id: '', _rev: '' }] = designDocsOf('main')
const REV = OURS._rev

/** A user's database as he sees it, and as an admin does. */
async function databases(sub: string = randomUUID()) {
  const mine = httpClient(`${server.url}/me`, server.bearer(sub))
  await mine.get('')
  return { sub, mine, admins: httpClient(`${server.url}/${userDbName(sub)}`, server.basic) }
}

async function listed(database: HttpClient, query = ''): Promise<string[]> {
  const { json } = await database.get(`/_design_docs${query}`)
  return json.rows.map(({ id }: { id: string }) => id)
}

t.test('the descriptions of a database’s documents can be read in each of a user’s databases', async t => {
  const { sub, mine, admins } = await databases()
  const found = (await mine.get(`/${ID}`)).json
  t.strictSame(found, JSON.parse(JSON.stringify(OURS)))
  t.strictSame(
    found.entities.map(({ type }: { type: string }) => type),
    entitiesIn('main').map(({ type }) => type),
  )
  t.match(found, { _rev: /^1-[0-9a-f]{32}$/, language: 'javascript' })
  t.strictSame((await admins.get(`/${encodeURIComponent(ID)}`)).json, found)
  const metrics = httpClient(`${server.url}/me-metrics`, server.bearer(sub))
  t.match((await metrics.get(`/${ID}`)).json, {
    entities: [{ type: 'metrics', rows: { member: 'samples' } }],
  })
  const typed = httpClient(`${server.url}/me-session`, server.bearer(sub))
  t.strictSame((await typed.get(`/${ID}`)).json, found, 'a type database has those of its database')
  t.strictSame(await listed(typed), [ID])
})

t.test('it reads as a document with one revision', async t => {
  const { mine } = await databases()
  const { headers, json: whole } = await mine.get(`/${ID}`)
  t.equal(headers.get('etag'), `"${REV}"`)
  t.equal((await mine.get(`/${ID}`, { 'If-None-Match': `"${REV}"` })).status, 304)
  t.match(await mine.send('HEAD', `/${ID}`), { status: 200, text: '' })
  t.strictSame((await mine.get(`/${ID}?rev=${REV}`)).json, whole)
  t.match((await mine.get(`/${ID}?revs=true&meta=true&local_seq=true`)).json, {
    _revisions: { start: 1, ids: [REV.slice(2)] },
    _revs_info: [{ rev: REV, status: 'available' }],
    _local_seq: 0,
  })
  t.strictSame((await mine.get(`/${ID}?open_revs=all`)).json, [{ ok: whole }])
  const revs = encodeURIComponent(JSON.stringify([REV, '1-a']))
  t.strictSame((await mine.get(`/${ID}?open_revs=${revs}`)).json, [{ ok: whole }, { missing: '1-a' }])
  t.match(await mine.get(`/${ID}?rev=1-a`), { status: 404, json: { reason: 'missing' } })
  t.equal((await mine.get(`/${ID}/some/attachment`)).status, 404)
  const docs = [{ id: ID }, { id: ID, rev: REV }, { id: ID, rev: '1-a' }]
  t.match((await mine.post('/_bulk_get', { docs })).json.results, [
    { docs: [{ ok: whole }] },
    { docs: [{ ok: whole }] },
    { docs: [{ error: { error: 'not_found' } }] },
  ])
})

t.test('`_design_docs` lists it among those that are stored', async t => {
  const { mine, admins } = await databases()
  await mine.put('/a', {})
  t.strictSame(await listed(mine), [ID])
  for (const name of ['a', 'f', 'é']) await admins.put(`/_design/${name}`, { views: {} })
  const [a, f, e] = ['_design/a', '_design/f', '_design/é']
  const cases: readonly (readonly [query: string, ids: readonly (string | undefined)[]])[] = [
    ['', [a, ID, f, e]],
    ['?descending=true', [e, f, ID, a]],
    ['?skip=1&limit=2', [ID, f]],
    ['?skip=1&limit=2&descending=true', [f, ID]],
    ['?limit=1', [a]],
    ['?limit=0', []],
    ['?startkey="_design/b"', [ID, f, e]],
    [`?startkey="${ID}"&endkey="${ID}"`, [ID]],
    [`?endkey="${ID}"&inclusive_end=false`, [a]],
    [`?startkey="${ID}"&endkey="${ID}"&inclusive_end=false`, []],
    [`?key="${ID}"`, [ID]],
    ['?key="_design/f"', [f]],
    [`?descending=true&startkey="${ID}"`, [ID, a]],
    [`?keys=["${ID}","_design/f","_design/none"]`, [ID, f, undefined]],
  ]
  for (const [query, ids] of cases) t.strictSame(await listed(mine, query), ids, query)
  const { rows } = (await mine.get('/_design_docs?include_docs=true&conflicts=true')).json
  t.strictSame(rows[1], { id: ID, key: ID, value: { rev: REV }, doc: (await mine.get(`/${ID}`)).json })
})

t.test('nothing that replicates, counts or lists has it', async t => {
  const { sub, mine } = await databases()
  const doc = sessionDoc()
  await mine.post('', doc)
  const only = { results: { length: 1, 0: { id: doc._id } } }
  t.match((await mine.get('/_changes?include_docs=true&style=all_docs')).json, only)
  t.match((await mine.get('/_changes?filter=_design')).json, { results: { length: 0 }, pending: 0 })
  t.match((await mine.post('/_changes?filter=_doc_ids', { doc_ids: [ID] })).json, { results: { length: 0 } })
  t.match((await mine.get('/_all_docs?include_docs=true')).json, { total_rows: 1, rows: { length: 1 } })
  t.match((await mine.post('/_all_docs', { keys: [ID] })).json.rows, [{ key: ID, error: 'not_found' }])
  t.match((await mine.get('')).json, { doc_count: 1, update_seq: /^1-/ })
  t.match((await mine.post('/_revs_diff', { [ID]: [REV] })).json, { [ID]: { missing: [REV] } })
  t.strictSame((await mine.get('/_problems')).json.problems, [])
  const pull =
    '/_changes?style=all_docs&feed=normal&include_docs=true&since=0&heartbeat=60000&limit=9&seq_interval=9'
  t.match((await mine.get(pull, { Accept: '*/*' })).json, only, 'as RxDB pulls')
  const { local, remote } = await phone(t, server.url, server.token(sub))
  await local.replicate.from(remote)
  t.strictSame(
    (await local.allDocs()).rows.map(({ id }) => id),
    [doc._id],
    'as PouchDB pulls',
  )
})

t.test('nobody writes it or a document of its name, admins neither', async t => {
  const { mine, admins } = await databases()
  const refused = { status: 403, json: { error: 'forbidden' } }
  const own = { ...refused, json: { reason: /_design\/entities is the server's own/ } }
  t.match(await mine.put(`/${ID}`, { entities: [] }), own, 'nobody may, and is told so')
  t.match(await admins.put(`/${ID}`, { entities: [] }), own)
  t.match(await admins.put(`/${ID}?new_edits=false`, { _rev: '3-a' }), own)
  t.match(await admins.post('', { _id: ID, _rev: REV }), own)
  t.match(await admins.delete(`/${ID}?rev=${REV}`), own)
  t.match(await admins.put(`/${ID}/logo?rev=${REV}`, 'x'), own)
  const docs = [{ _id: ID }, { _id: '_design/other' }]
  t.match((await admins.post('/_bulk_docs', { docs })).json, [
    { id: ID, error: 'forbidden', reason: /the server's own/ },
    { id: '_design/other', ok: true },
  ])
  t.match((await mine.get(`/${ID}`)).json, { _rev: REV })
})

t.test('one that is stored already stays what it is and hides ours, until it is purged', async t => {
  const { sub, mine, admins } = await databases()
  const database = server.store.database(userDbName(sub))
  await database?.write([{ kind: 'interactive', id: ID, deleted: false, body: '{"mine":1}' }])
  const stored = (await admins.get(`/${ID}`)).json
  t.equal(stored.mine, 1)
  t.strictSame(await listed(mine), [ID])
  t.match((await mine.get('/_changes')).json.results, [{ id: ID, changes: [{ rev: stored._rev }] }])
  t.match(await admins.put(`/${ID}`, { mine: 2, _rev: stored._rev }), { status: 201 })
  const { _rev } = (await admins.get(`/${ID}`)).json
  const deleted = await admins.delete(`/${ID}?rev=${_rev}`)
  t.equal(deleted.status, 200)
  t.match(await mine.get(`/${ID}`), { status: 404, json: { reason: 'deleted' } })
  const tombstone = { docs: [{ id: ID, rev: deleted.json.rev }] }
  t.match((await mine.post('/_bulk_get', tombstone)).json.results, [{ docs: [{ ok: { _deleted: true } }] }])
  t.strictSame(await listed(mine), [])
  t.equal((await admins.post('/_purge', { [ID]: [deleted.json.rev] })).status, 201)
  t.match((await mine.get(`/${ID}`)).json, { _rev: REV })
})

t.test('other databases have no overlay', async t => {
  const made = await adminDatabase(server, 'of-an-admin')
  t.equal((await made.get(`/${ID}`)).status, 404)
  t.strictSame(await listed(made), [])
  t.equal((await made.put(`/${ID}`, { mine: 1 })).status, 201, 'there it is a name like others')
  const users = httpClient(`${server.url}/_users`, server.basic)
  t.equal((await users.get(`/${ID}`)).status, 404)
  t.strictSame(await listed(users), [])
  const others = httpClient(`${server.url}/${metricsDbName('somebody')}`, server.bearer('else'))
  t.equal((await others.get(`/${ID}`)).status, 403)
})

t.test('the rev follows from the content', async t => {
  const kinds: readonly DatabaseKind[] = ['main', 'metrics', 'accounts']
  const revs = kinds.map(kind => designDocsOf(kind)[0]?._rev)
  t.equal(new Set(revs).size, kinds.length)
  t.strictSame(
    kinds.map(kind => designDocsOf(kind)[0]?._rev),
    revs,
  )
})
