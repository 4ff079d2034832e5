import t from 'tap'
import { adminDatabase, type HttpClient, httpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)

type Case = {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly status: number
  readonly json: object
}

/** A document with two branches: 2-b wins over 2-a; and a deleted one. */
async function fill(database: HttpClient): Promise<void> {
  const revs = (start: number, ...ids: string[]) => ({ start, ids })
  const docs = [
    { _id: 'a', v: 1, _revisions: revs(1, 'x') },
    { _id: 'a', v: 'a', _revisions: revs(2, 'a', 'x') },
    { _id: 'a', v: 'b', _revisions: revs(2, 'b', 'x') },
    { _id: 'gone', _revisions: revs(1, 'x') },
    { _id: 'gone', _deleted: true, why: 'test', _revisions: revs(2, 'y', 'x') },
  ]
  const reply = await database.post('/_bulk_docs', { new_edits: false, docs })
  t.strictSame(reply.json, [])
}

const MISSING = { error: 'not_found', reason: 'missing' }
const CONFLICT = { error: 'conflict', reason: 'Document update conflict.' }

const CASES: readonly Case[] = [
  ...[
    ['POST', '/_find'],
    ['GET', '/_index'],
    ['POST', '/_index'],
    ['DELETE', '/_index/_design/x/json/y'],
    ['POST', '/_explain'],
    ['GET', '/_design/x/_view/y?key="a"'],
    ['POST', '/_design/x/_view/y'],
  ].map(([method = '', path = '']) => ({
    name: `what CouchDB has here and we have not: ${method} ${path}`,
    method,
    path,
    status: 404,
    json: { error: 'not_found', reason: /^(Mango queries|Views) are not available here yet/ },
    ...(method === 'POST' ? { body: {} } : {}),
  })),
  { name: 'the winner', method: 'GET', path: '/a', status: 200, json: { _id: 'a', _rev: '2-b', v: 'b' } },
  { name: 'a rev', method: 'GET', path: '/a?rev=2-a', status: 200, json: { _rev: '2-a', v: 'a' } },
  { name: 'an unknown id', method: 'GET', path: '/none', status: 404, json: MISSING },
  { name: 'an unknown rev', method: 'GET', path: '/a?rev=9-z', status: 404, json: MISSING },
  {
    name: 'a deleted document',
    method: 'GET',
    path: '/gone',
    status: 404,
    json: { error: 'not_found', reason: 'deleted' },
  },
  {
    name: 'a tombstone by its rev',
    method: 'GET',
    path: '/gone?rev=2-y',
    status: 200,
    json: { _id: 'gone', _rev: '2-y', _deleted: true, why: 'test' },
  },
  { name: 'a rev that is none', method: 'GET', path: '/a?rev=x', status: 400, json: { reason: /rev/ } },
  {
    name: 'the newest of a losing branch',
    method: 'GET',
    path: '/a?rev=2-a&latest=true',
    status: 200,
    json: { _rev: '2-a' },
  },
  {
    name: 'the newest of the common ancestor',
    method: 'GET',
    path: '/a?rev=1-x&latest=true',
    status: 200,
    json: { _rev: '2-b' },
  },
  {
    name: 'history and conflicts',
    method: 'GET',
    path: '/a?revs=true&conflicts=true&local_seq=true&revs_info=true',
    status: 200,
    json: {
      _revisions: { start: 2, ids: ['b', 'x'] },
      _conflicts: ['2-a'],
      _revs_info: [{ rev: '2-b', status: 'available' }, { rev: '1-x' }],
      _local_seq: Number,
    },
  },
  {
    name: 'open revs',
    method: 'GET',
    path: '/a?open_revs=["2-a","7-q"]',
    status: 200,
    json: [{ ok: { _rev: '2-a', v: 'a' } }, { missing: '7-q' }],
  },
  {
    name: 'all open revs',
    method: 'GET',
    path: '/a?open_revs=all&revs=true',
    status: 200,
    json: [{ ok: { _rev: '2-b', _revisions: { start: 2 } } }, { ok: { _rev: '2-a' } }],
  },
  { name: 'a flag that is none', method: 'GET', path: '/a?revs=7', status: 400, json: { reason: /"revs"/ } },
  { name: 'a reserved id', method: 'GET', path: '/_none', status: 400, json: { error: 'illegal_docid' } },
  { name: 'no rev on what is there', method: 'PUT', path: '/a', body: {}, status: 409, json: CONFLICT },
  {
    name: 'two revs at once',
    method: 'PUT',
    path: '/a?rev=2-b',
    body: { _rev: '2-a' },
    status: 400,
    json: { error: 'bad_request', reason: /different values/ },
  },
  { name: 'no object', method: 'PUT', path: '/c', body: [], status: 400, json: { reason: /JSON object/ } },
  { name: 'no JSON', method: 'PUT', path: '/c', body: '{', status: 400, json: { error: 'bad_request' } },
  {
    name: 'an unknown member',
    method: 'PUT',
    path: '/c',
    body: { _x: 1 },
    status: 400,
    json: { error: 'doc_validation', reason: 'Bad special document member: _x' },
  },
  {
    name: 'a stub of nothing',
    method: 'PUT',
    path: '/c',
    body: { _attachments: { f: { stub: true } } },
    status: 412,
    json: { error: 'missing_stub' },
  },
  {
    name: 'parts that have nothing to do with each other',
    method: 'PUT',
    path: '/c',
    body: '--x--',
    headers: { 'Content-Type': 'multipart/mixed; boundary=x' },
    status: 415,
    json: { error: 'bad_content_type', reason: /multipart\/mixed/ },
  },
  {
    name: 'a replicated rev without a name',
    method: 'PUT',
    path: '/c?new_edits=false',
    body: {},
    status: 400,
    json: { reason: /_rev/ },
  },
  {
    name: 'a replicated rev',
    method: 'PUT',
    path: '/c?new_edits=false',
    body: { _rev: '5-e', q: 1 },
    status: 201,
    json: { ok: true, id: 'c', rev: '5-e' },
  },
  { name: 'deleting without a rev', method: 'DELETE', path: '/a', status: 409, json: CONFLICT },
  { name: 'deleting what is not there', method: 'DELETE', path: '/none', status: 404, json: MISSING },
  {
    name: 'deleting twice',
    method: 'DELETE',
    path: '/gone',
    status: 404,
    json: { error: 'not_found', reason: 'deleted' },
  },
  {
    name: 'a form',
    method: 'POST',
    path: '',
    headers: { 'Content-Type': 'text/plain' },
    body: '{}',
    status: 415,
    json: {},
  },
]

t.test('documents answer as CouchDB does', async t => {
  const database = await adminDatabase(server, 'cases')
  await fill(database)
  for (const { name, method, path, body, headers, status, json } of CASES) {
    const reply = await database.send(method, path, { body, headers })
    t.equal(reply.status, status, name)
    t.match(reply.json, json, name)
  }
})

t.test('a document from its first rev to its last', async t => {
  const database = await adminDatabase(server, 'life')
  const made = await database.put('/é%2F1', { v: 1 })
  t.equal(made.status, 201)
  t.equal(made.headers.get('etag'), `"${made.json.rev}"`)
  t.equal(made.headers.get('location'), `${server.url}/life/%C3%A9%2F1`)
  const rev: string = made.json.rev
  const unchanged = await database.get('/é%2F1', { 'If-None-Match': `"${rev}"` })
  t.equal(unchanged.status, 304)

  const changed = await database.send('PUT', '/é%2F1', {
    body: { v: 2 },
    headers: { 'If-Match': `"${rev}"` },
  })
  t.match(changed, { status: 201, json: { ok: true, id: 'é/1', rev: /^2-/ } })
  t.match((await database.get('/é%2F1')).json, { _id: 'é/1', v: 2 })
  const head = await database.send('HEAD', '/é%2F1')
  t.equal(head.headers.get('etag'), `"${changed.json.rev}"`)
  t.equal(head.text, '')

  const deleted = await database.delete(`/é%2F1?rev=${changed.json.rev}`)
  t.match(deleted, { status: 200, json: { ok: true, id: 'é/1', rev: /^3-/ } })
  t.equal((await database.get('/é%2F1')).status, 404)
  t.match((await database.put('/é%2F1', { v: 3 })).json, { ok: true, rev: /^4-/ })
})

t.test('a document goes on from a rev that ends at its dash', async t => {
  const database = await adminDatabase(server, 'dash')
  t.match(await database.put('/a?new_edits=false', { _rev: '3-', v: 1 }), {
    status: 201,
    json: { rev: '3-' },
  })
  t.match(await database.get('/a?rev=3-'), { status: 200, json: { _rev: '3-', v: 1 } })
  t.match(await database.put('/a', { _rev: '3-', v: 2 }), { status: 201, json: { rev: /^4-/ } })
  t.match((await database.get('/a?revs=true')).json, { v: 2, _revisions: { start: 4, ids: { 1: '' } } })
  t.match(await database.put('/a', { _rev: '3-', v: 3 }), { status: 409 })
})

t.test('a document without an id is given one', async t => {
  const database = await adminDatabase(server, 'ids')
  t.match((await database.post('', { v: 1 })).json, { ok: true, id: /^[0-9a-f]{32}$/, rev: /^1-/ })
  t.match((await database.post('', { _id: 'own' })).json, { ok: true, id: 'own' })
})

t.test('a design document is written by admins, under either form of its path', async t => {
  const mine = httpClient(`${server.url}/me`, server.bearer('anna'))
  t.match(await mine.put('/_design/x', {}), { status: 403, json: { error: 'forbidden' } })
  t.match(await mine.put('/_design%2Fx', {}), { status: 403 })
  t.match(await mine.post('', { _id: '_design/x' }), { status: 403 })
  t.match(await mine.put('/_design/x/file', 'abc'), { status: 403 })

  const database = await adminDatabase(server, 'design')
  t.match((await database.put('/_design/x', { views: {} })).json, { ok: true, id: '_design/x' })
  t.match((await database.get('/_design%2Fx')).json, { _id: '_design/x', views: {} })
  t.match((await database.get('/_design/x')).json, { _id: '_design/x' })
  t.match((await database.get('/_design_docs')).json, { rows: [{ id: '_design/x' }] })
})

t.test('a document over the limit is refused by name, one below it is kept as it is', async t => {
  const server = await runningServer(t, { maxDocumentBytes: 1000 })
  const database = await adminDatabase(server, 'limits')
  const tooLarge = await database.put('/a', { x: 'y'.repeat(1000) })
  t.match(tooLarge, { status: 413, json: { error: 'document_too_large', reason: /"a" is larger than 1000/ } })
  const odd = '{"a":1.0,"__proto__":{"x":1},"é":"\\ud800 \\u0000 😀","n":null}'
  t.equal((await database.put('/b', odd)).status, 201)
  const { _id, _rev, ...stored } = (await database.get('/b')).json
  t.strictSame(stored, JSON.parse(odd))
})

t.test('an id too long for a header is stored, and answered without `Location`', async t => {
  const database = await adminDatabase(server, 'long-ids')
  for (const [length, hasLocation] of [
    [3000, true],
    [20_000, false],
  ] as const) {
    const _id = 'x'.repeat(length)
    const made = await database.post('', { _id })
    t.match(made, { status: 201, json: { ok: true, id: _id } })
    t.equal(made.headers.has('location'), hasLocation)
  }
})

t.test('the room for attachments is for their bytes alone', async t => {
  const server = await runningServer(t, { maxDocumentBytes: 10_000, maxAttachmentBytes: 100_000 })
  const database = await adminDatabase(server, 'room')
  const withAttachment = (attachment: object) => ({ _attachments: { f: attachment } })
  const photo = Buffer.alloc(100_000, 'photo').toString('base64')
  t.equal((await database.put('/photo', withAttachment({ data: photo }))).status, 201)
  const many = withAttachment({ data: '', more: Array.from({ length: 10_000 }, () => ({})) })
  t.match(await database.put('/many', many), { status: 413, json: { error: 'document_too_large' } })
  t.match(await database.post('', many), { status: 413, json: { error: 'document_too_large' } })
  const blank = `{${' '.repeat(20_000)}"a":1}`
  t.equal((await database.put('/blank', blank)).status, 201, 'blanks are no values')
})
