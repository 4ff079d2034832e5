import t from 'tap'
import { type CouchPart, couchParts, multipartType } from '../../../fixtures/couch-multipart.ts'
import { adminDatabase } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)

const MIXED = 'multipart/mixed'
const RELATED = 'multipart/related'
const JSON_TYPE = 'application/json'

async function ask(path: string, accept: string | undefined, sent: RequestInit = {}) {
  const reply = await fetch(`${server.url}${path}`, {
    ...sent,
    headers: {
      Authorization: server.basic,
      'Content-Type': JSON_TYPE,
      ...(accept === undefined ? {} : { Accept: accept }),
    },
  })
  const bytes = Buffer.from(await reply.arrayBuffer())
  const contentType = reply.headers.get('content-type')
  return {
    status: reply.status,
    contentType,
    headers: reply.headers,
    bytes,
    json: () => JSON.parse(bytes.toString('utf8')),
    parts: () => couchParts(contentType, bytes),
  }
}

function bulkGet(path: string, accept: string | undefined, docs: readonly unknown[]) {
  return ask(path, accept, { method: 'POST', body: JSON.stringify({ docs }) })
}

function headersOf(part: CouchPart | undefined): Record<string, string> {
  return Object.fromEntries(part?.headers ?? [])
}

/** Bytes that look like what stands around them. */
const HOSTILE_BYTES = Buffer.from('\r\n--\r\n\r\n--x--\r\nContent-Type: text/html\r\n\r\n\xff\x00', 'latin1')

/** A document with a history of three, its photo older than its note; a conflict without attachments; a deleted branch. */
async function writeTree(name: string): Promise<void> {
  const database = await adminDatabase(server, name)
  const photo = { content_type: 'image/png', revpos: 1, data: HOSTILE_BYTES.toString('base64') }
  const note = { content_type: 'text/plain', revpos: 3, data: Buffer.from('note').toString('base64') }
  const empty = { content_type: 'text/plain', revpos: 3, data: '' }
  const revisions = (...ids: string[]) => ({ _id: 'a', _revisions: { start: ids.length, ids } })
  const docs = [
    { ...revisions('x'), v: 1, _attachments: { photo } },
    { ...revisions('c', 'b', 'x'), v: 3, _attachments: { photo, note, empty } },
    { ...revisions('d', 'x'), v: 'conflict é' },
    { ...revisions('e', 'x'), _deleted: true },
  ]
  t.strictSame((await database.post('/_bulk_docs', { docs, new_edits: false })).json, [])
}

t.test('open_revs in multipart/mixed: a part for each leaf, with the bytes of its attachments', async t => {
  await writeTree('mixed')
  const all = await ask('/mixed/a?open_revs=all&revs=true', MIXED)
  t.equal(all.status, 200)
  t.equal(multipartType(all.contentType), MIXED)
  const [winner, conflict, deleted, ...rest] = all.parts()
  t.strictSame(rest, [])
  t.strictSame(headersOf(conflict), { 'content-type': JSON_TYPE })
  t.match(conflict?.json(), { _rev: '2-d', v: 'conflict é', _revisions: { start: 2, ids: ['d', 'x'] } })
  t.match(deleted?.json(), { _rev: '2-e', _deleted: true })

  t.equal(multipartType(winner?.headers.get('content-type')), RELATED)
  const [doc, photo, note, empty, ...others] = winner?.parts() ?? []
  t.strictSame(others, [])
  t.strictSame(headersOf(doc), { 'content-type': JSON_TYPE })
  const { _attachments, ...members } = doc?.json() ?? {}
  t.strictSame(members, { _id: 'a', _rev: '3-c', _revisions: { start: 3, ids: ['c', 'b', 'x'] }, v: 3 })
  t.strictSame(Object.keys(_attachments), ['photo', 'note', 'empty'])
  t.strictSame(_attachments.note, {
    content_type: 'text/plain',
    revpos: 3,
    digest: 'md5-qtZTyj7maWNfKTi3MJi21w==',
    length: 4,
    follows: true,
  })
  t.strictSame(headersOf(photo), {
    'content-disposition': 'attachment; filename="photo"',
    'content-type': 'image/png',
    'content-length': String(HOSTILE_BYTES.length),
  })
  t.strictSame(photo?.bytes, HOSTILE_BYTES)
  t.strictSame([note?.bytes.toString(), empty?.bytes.length], ['note', 0])
})

t.test('what CouchDB’s replicator asks: the leaves of named revs, without the bytes it has', async t => {
  await writeTree('named')
  const query = (revs: string, since: string) =>
    `/named/a?revs=true&open_revs=${encodeURIComponent(revs)}&latest=true&atts_since=${encodeURIComponent(since)}`
  const [related, conflict, deleted, missing] = (
    await ask(query('["1-x","7-none"]', '["1-x"]'), MIXED)
  ).parts()
  const [doc, note, empty] = related?.parts() ?? []
  t.match(doc?.json()._attachments, { photo: { stub: true }, note: { follows: true } })
  t.notOk('follows' in (doc?.json()._attachments.photo ?? {}))
  t.strictSame([note?.bytes.toString(), empty?.bytes.toString()], ['note', ''])
  t.strictSame([conflict?.json()._rev, deleted?.json()._rev], ['2-d', '2-e'])
  t.strictSame(headersOf(missing), { 'content-type': 'application/json; error="true"' })
  t.strictSame(missing?.json(), { missing: '7-none' })

  const [stubs] = (await ask(query('["3-c"]', '["3-c"]'), MIXED)).parts()
  t.strictSame(headersOf(stubs), { 'content-type': JSON_TYPE }, 'all are stubs: nothing follows')
  t.match(stubs?.json()._attachments, { photo: { stub: true }, note: { stub: true } })

  const none = await ask('/named/none?open_revs=["1-x"]', MIXED)
  t.strictSame(
    none.parts().map(part => part.json()),
    [{ missing: '1-x' }],
  )
  t.match(await ask('/named/none?open_revs=all', MIXED), { status: 404, contentType: JSON_TYPE })
  t.strictSame((await ask('/named/a?open_revs=[]', MIXED)).parts(), [])
})

t.test('one document in multipart/related says how long it is, and HEAD the same without a body', async t => {
  await writeTree('related')
  const whole = await ask('/related/a?attachments=true', `${RELATED},*/*;`)
  t.equal(whole.headers.get('content-length'), String(whole.bytes.length))
  const [doc, photo, ...rest] = whole.parts()
  t.match(doc?.json(), { v: 3, _attachments: { photo: { follows: true }, empty: { follows: true } } })
  t.strictSame(photo?.bytes, HOSTILE_BYTES)
  t.equal(rest.length, 2)

  const since = await ask('/related/a?atts_since=["2-b"]', RELATED)
  t.match(since.parts()[0]?.json()._attachments, { photo: { stub: true }, note: { follows: true } })
  const head = await ask('/related/a?attachments=true', RELATED, { method: 'HEAD' })
  t.match(head, { status: 200, bytes: { length: 0 } })
  t.equal(head.headers.get('content-length'), String(whole.bytes.length))
  t.equal(multipartType(head.contentType), RELATED)
  const headMixed = await ask('/related/a?open_revs=all', MIXED, { method: 'HEAD' })
  t.match({ ...headMixed, type: multipartType(headMixed.contentType) }, { bytes: { length: 0 }, type: MIXED })

  for (const path of ['/related/a?atts_since=["3-c"]', '/related/a?attachments=true&rev=2-d', '/related/a']) {
    t.equal((await ask(path, RELATED)).contentType, JSON_TYPE, `${path} has no bytes to send`)
  }
})

type AcceptCase = {
  readonly accept: string | undefined
  readonly open: string
  readonly one: string
  readonly bulk: string
}
const ACCEPTS: readonly AcceptCase[] = [
  { accept: undefined, open: JSON_TYPE, one: JSON_TYPE, bulk: JSON_TYPE },
  { accept: '*/*', open: JSON_TYPE, one: JSON_TYPE, bulk: JSON_TYPE },
  { accept: 'text/html', open: JSON_TYPE, one: JSON_TYPE, bulk: JSON_TYPE },
  { accept: JSON_TYPE, open: JSON_TYPE, one: JSON_TYPE, bulk: JSON_TYPE },
  { accept: MIXED, open: MIXED, one: JSON_TYPE, bulk: MIXED },
  { accept: RELATED, open: JSON_TYPE, one: RELATED, bulk: RELATED },
  { accept: 'Multipart/*', open: MIXED, one: RELATED, bulk: MIXED },
  { accept: 'application/json, multipart/*', open: MIXED, one: RELATED, bulk: JSON_TYPE },
  { accept: 'multipart/*;q=0.5, application/json', open: JSON_TYPE, one: JSON_TYPE, bulk: JSON_TYPE },
  { accept: 'multipart/*, application/json;q=0.9', open: MIXED, one: RELATED, bulk: MIXED },
  { accept: 'multipart/*, */*; q=0.1', open: MIXED, one: RELATED, bulk: MIXED },
  { accept: 'multipart/mixed;q=0, multipart/*', open: JSON_TYPE, one: RELATED, bulk: RELATED },
  { accept: 'multipart/related, */*', open: JSON_TYPE, one: RELATED, bulk: JSON_TYPE },
  { accept: 'multipart/mixed;q=0', open: JSON_TYPE, one: JSON_TYPE, bulk: JSON_TYPE },
  { accept: ', ;q=, multipart/mixed ;level=1; Q=1.0', open: MIXED, one: JSON_TYPE, bulk: MIXED },
]

t.test('multipart is for those who name it and do not like JSON better', async t => {
  await writeTree('accept')
  for (const { accept, ...expected } of ACCEPTS) {
    const open = await ask('/accept/a?open_revs=all', accept)
    const one = await ask('/accept/a?attachments=true', accept)
    const bulk = await bulkGet('/accept/_bulk_get', accept, [{ id: 'a' }])
    const seen = [open, one, bulk].map(({ contentType }) => multipartType(contentType))
    t.strictSame(seen, [expected.open, expected.one, expected.bulk], `Accept: ${accept}`)
  }
})

t.test('_bulk_get in multipart: a part for each revision and each error', async t => {
  await writeTree('bulk')
  const docs = [
    { id: 'a', rev: '1-x' },
    { id: 'a', rev: '2-d' },
    { id: 'none', rev: '1-x' },
    { id: 'a', rev: 'rubbish' },
    { id: 'a', rev: '3-c', atts_since: '3-c' },
    { rev: '1-x' },
    { id: 'a', rev: '3-c', atts_since: ['3-c'] },
  ]
  const { parts } = await bulkGet('/bulk/_bulk_get?revs=true', MIXED, docs)
  const [first, second, ...others] = parts()
  t.match(headersOf(first), { 'x-doc-id': 'a', 'x-rev-id': '1-x' })
  t.strictSame(first?.parts()[1]?.bytes, HOSTILE_BYTES)
  t.match(second?.json(), { _rev: '2-d', _revisions: { ids: ['d', 'x'] } })
  t.equal(others.length, 5)
  const error = { 'content-type': 'application/json; error="true"' }
  for (const part of others.slice(0, 4)) t.strictSame(headersOf(part), error)
  t.strictSame(
    others.slice(0, 4).map(part => part.json()),
    [
      { id: 'none', rev: '1-x', error: 'not_found', reason: 'missing' },
      { id: 'a', rev: 'rubbish', error: 'bad_request', reason: 'Invalid rev format' },
      { id: 'a', rev: '3-c', error: 'bad_request', reason: '`atts_since` must be a list of revs' },
      { id: '', rev: '1-x', error: 'bad_request', reason: 'document id missed' },
    ],
  )
  t.match(others[4]?.json()._attachments, { photo: { stub: true }, empty: { stub: true } })

  const leaves = (await bulkGet('/bulk/_bulk_get', RELATED, [{ id: 'a' }])).parts()
  t.match(headersOf(leaves[0]), { 'x-doc-id': 'a', 'x-rev-id': '3-c', 'content-type': /^multipart\/related/ })
  t.strictSame(leaves[0]?.parts()[1]?.bytes, HOSTILE_BYTES)
  t.strictSame(
    leaves.slice(1).map(part => part.json()._rev),
    ['2-d', '2-e'],
    'without a rev all leaves',
  )
  t.strictSame((await bulkGet('/bulk/_bulk_get', MIXED, [])).parts(), [])
})

t.test('names, types and ids that stand in headers end no line of them', async t => {
  const database = await adminDatabase(server, 'hostile')
  const names: readonly (readonly [string, string])[] = [
    ['a"b\\c', 'attachment; filename="a\\"b\\\\c"'],
    ['Übung 1 🏋.jpg', 'attachment; filename="Übung 1 🏋.jpg"'],
    [
      "a\r\nX-Evil: 1\r\n\r\n'(*)",
      "attachment; filename*=UTF-8''a%0D%0AX-Evil%3A%201%0D%0A%0D%0A%27%28%2A%29",
    ],
    ['\u2028', "attachment; filename*=UTF-8''%E2%80%A8"],
    ['a/b; filename="c"', 'attachment; filename="a/b; filename=\\"c\\""'],
    ['n'.repeat(1024), `attachment; filename="${'n'.repeat(1024)}"`],
    ['\n'.repeat(2000), 'attachment'],
    ['n'.repeat(10_000), 'attachment'],
  ]
  const contentType = 'text/html\r\nX-Evil: 1\r\n\r\n<script>'
  const _attachments = Object.fromEntries(
    names.map(([name], n) => [
      name,
      { content_type: n === 0 ? contentType : 'a/b', data: Buffer.from(`bytes ${n}`).toString('base64') },
    ]),
  )
  const ids = ['plain ü', 'b\r\nX-Evil: 1', 'i'.repeat(5000), ' c ']
  const docs = ids.map(_id => ({ _id, _attachments }))
  t.ok((await database.post('/_bulk_docs', { docs })).json.every((row: { ok?: boolean }) => row.ok))

  const parts = (
    await bulkGet(
      '/hostile/_bulk_get',
      MIXED,
      ids.map(id => ({ id })),
    )
  ).parts()
  t.strictSame(
    parts.map(part => part.headers.get('x-doc-id')),
    ['plain ü', undefined, undefined, undefined],
  )
  for (const [index, part] of parts.entries()) {
    const [doc, ...attached] = part.parts()
    t.equal(doc?.json()._id, ids[index])
    t.strictSame(Object.keys(doc?.json()._attachments), Object.keys(_attachments))
    t.strictSame(
      attached.map(({ bytes }) => bytes.toString()),
      names.map((_, n) => `bytes ${n}`),
    )
    const expected = names.map(([, disposition], n) => ({
      'content-disposition': disposition,
      'content-type': n === 0 ? 'application/octet-stream' : 'a/b',
      'content-length': '7',
    }))
    t.strictSame(attached.map(headersOf), expected)
  }
})

t.test('what is asked for was found at once: it is sent also when it is purged meanwhile', async t => {
  const database = await adminDatabase(server, 'purged')
  const bytes = Buffer.alloc(20 * 1024 * 1024, 'large')
  const { json } = await database.send('PUT', '/a/f', { body: bytes, headers: { 'Content-Type': 'a/b' } })
  const reply = await fetch(`${server.url}/purged/a?attachments=true`, {
    headers: { Authorization: server.basic, Accept: RELATED },
  })
  t.match(await database.post('/_purge', { a: [json.rev] }), { json: { purged: { a: [json.rev] } } })
  t.equal((await database.get('/a')).status, 404)
  const read = Buffer.from(await reply.arrayBuffer())
  t.ok(couchParts(reply.headers.get('content-type'), read)[1]?.bytes.equals(bytes))
})
