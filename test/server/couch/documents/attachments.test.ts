import { createHash } from 'node:crypto'
import t from 'tap'
import { adminDatabase, httpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t, { maxAttachmentBytes: 1000 })
const PLAIN = { 'Content-Type': 'text/plain' }

function etag(text: string): string {
  return `"${createHash('md5').update(text).digest('base64')}"`
}

t.test('an attachment makes its document, is read, replaced and removed', async t => {
  const database = await adminDatabase(server, 'life')
  const made = await database.send('PUT', '/a/folder/f%20%C3%A9.txt', { body: 'hello', headers: PLAIN })
  t.match(made, { status: 201, json: { ok: true, id: 'a', rev: /^1-/ } })
  t.equal(made.headers.get('location'), `${server.url}/life/a/folder/f%20%C3%A9.txt`)

  const read = await database.get('/a/folder/f%20%C3%A9.txt')
  t.equal(read.text, 'hello')
  t.equal(read.headers.get('content-type'), 'text/plain')
  t.equal(read.headers.get('etag'), etag('hello'))
  t.equal(read.headers.get('content-length'), '5')
  t.equal(read.headers.get('accept-ranges'), 'bytes')
  t.equal((await database.get('/a/folder%2Ff%20%C3%A9.txt')).text, 'hello', 'an encoded slash is the same')
  t.match(await database.get('/a/folder/f%20%C3%A9.txt', { 'If-None-Match': etag('hello') }), {
    status: 304,
    text: '',
  })

  t.match(await database.send('PUT', '/a/g', { body: 'x' }), { status: 409, json: { error: 'conflict' } })
  const second = await database.send('PUT', `/a/g?rev=${made.json.rev}`, { body: 'second', headers: PLAIN })
  t.match(second.json, { ok: true, rev: /^2-/ })
  t.match((await database.get('/a')).json._attachments, {
    'folder/f é.txt': { stub: true, length: 5, revpos: 1, content_type: 'text/plain' },
    g: { stub: true, length: 6, revpos: 2 },
  })
  t.equal((await database.get(`/a/g?rev=${made.json.rev}`)).status, 404, 'the first rev has no g')

  const removed = await database.delete(`/a/g?rev=${second.json.rev}`)
  t.match(removed, { status: 200, json: { ok: true, id: 'a', rev: /^3-/ } })
  t.equal((await database.get('/a/g')).status, 404)
  t.match(await database.delete(`/a/g?rev=${removed.json.rev}`), { status: 404 })
  t.equal((await database.get(`/a/g?rev=${second.json.rev}`)).text, 'second', 'the old rev still has it')
})

type RangeCase = {
  readonly range: string
  readonly status: number
  readonly text: string
  readonly of?: string
}
const RANGES: readonly RangeCase[] = [
  { range: 'bytes=0-0', status: 206, text: '0', of: 'bytes 0-0/10' },
  { range: 'bytes=2-4', status: 206, text: '234', of: 'bytes 2-4/10' },
  { range: 'bytes=8-', status: 206, text: '89', of: 'bytes 8-9/10' },
  { range: 'bytes=-3', status: 206, text: '789', of: 'bytes 7-9/10' },
  { range: 'bytes=5-99', status: 206, text: '56789', of: 'bytes 5-9/10' },
  { range: 'bytes=0-1,4-5', status: 200, text: '0123456789' },
  { range: 'lines=1-2', status: 200, text: '0123456789' },
]

t.test('a part of an attachment', async t => {
  const database = await adminDatabase(server, 'ranges')
  await database.send('PUT', '/a/f', { body: '0123456789', headers: PLAIN })
  for (const { range, status, text, of } of RANGES) {
    const reply = await database.get('/a/f', { Range: range })
    t.match(reply, { status, text }, range)
    t.equal(reply.headers.get('content-range'), of ?? null, range)
  }
  const outside = await database.get('/a/f', { Range: 'bytes=10-' })
  t.match(outside, { status: 416, json: { error: 'requested_range_not_satisfiable' } })
  t.equal(outside.headers.get('content-range'), 'bytes */10')
})

t.test('HEAD tells what GET would', async t => {
  const database = await adminDatabase(server, 'head')
  await database.send('PUT', '/a/f', { body: 'hello', headers: PLAIN })
  const head = await database.send('HEAD', '/a/f')
  t.equal(head.headers.get('content-length'), '5')
  t.equal(head.headers.get('etag'), etag('hello'))
  t.equal(head.text, '')
})

t.test('what cannot be is refused', async t => {
  const database = await adminDatabase(server, 'refused')
  t.match(await database.get('/none/f'), { status: 404, json: { reason: 'missing' } })
  await database.put('/a', {})
  t.match(await database.get('/a/f'), { status: 404, json: { reason: 'Document is missing attachment' } })
  t.match(await database.send('PUT', '/b/_f', { body: 'x' }), { status: 400, json: { reason: /"_"/ } })
  t.match(await database.send('PUT', '/b/f?rev=1-x', { body: 'x' }), { status: 409 })
  t.match(await database.send('PUT', '/b/f', { body: 'x'.repeat(1001) }), {
    status: 413,
    json: { error: 'attachment_too_large', reason: /"f" is larger than 1000 bytes/ },
  })
  t.match(await database.get('/_local/a/f'), { status: 400, json: { reason: /do not accept attachments/ } })
})

t.test('a file of a user does not run in the name of this server', async t => {
  const mine = httpClient(`${server.url}/me`, server.bearer('anna'))
  await mine.send('PUT', '/a/f', { body: '<script>', headers: { 'Content-Type': 'text/html' } })
  const { headers } = await mine.get('/a/f')
  t.equal(headers.get('content-security-policy'), 'sandbox')
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  const odd = { g: { content_type: 'a\nb: c', data: '' } }
  await mine.put('/b', { _attachments: odd })
  t.equal((await mine.get('/b/g')).headers.get('content-type'), 'application/octet-stream')
})

t.test('attachments of a design document, whose id holds a slash itself', async t => {
  const database = await adminDatabase(server, 'design')
  const made = await database.send('PUT', '/_design/x/app/index.html', { body: 'hi', headers: PLAIN })
  t.match(made.json, { ok: true, id: '_design/x' })
  t.equal((await database.get('/_design/x/app/index.html')).text, 'hi')
  t.equal((await database.get('/_design%2Fx/app/index.html')).text, 'hi')
})

t.test('a document comes with the bytes of its attachments, or with those a peer lacks', async t => {
  const database = await adminDatabase(server, 'inline')
  const first = await database.put('/a', { _attachments: { f: { data: 'Zmlyc3Q=' } } })
  const stubs = (await database.get('/a')).json._attachments
  const changed = { _rev: first.json.rev, _attachments: { ...stubs, g: { data: 'c2Vjb25k' } } }
  t.equal((await database.put('/a', changed)).status, 201)
  t.match((await database.get('/a?attachments=true')).json._attachments, {
    f: { data: 'Zmlyc3Q=', revpos: 1 },
    g: { data: 'c2Vjb25k', revpos: 2 },
  })
  const since = await database.get(`/a?atts_since=["${first.json.rev}"]`)
  t.match(since.json._attachments, { f: { stub: true }, g: { data: 'c2Vjb25k' } })
  t.notOk('data' in since.json._attachments.f)
  const asked = { docs: [{ id: 'a', atts_since: [first.json.rev] }] }
  const bulk = (await database.post('/_bulk_get?attachments=true', asked)).json
  t.match(bulk.results[0].docs[0].ok._attachments, { f: { stub: true }, g: { data: 'c2Vjb25k' } })
})
