import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { adminDatabase, type HttpClient, httpClient } from '../../../fixtures/http-client.ts'
import { phone } from '../../../fixtures/phone.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const MEBIBYTE = 1024 * 1024

const server = await runningServer(t)
const small = await runningServer(t, { maxDocumentBytes: MEBIBYTE, maxAttachmentBytes: MEBIBYTE })

t.test('own edits are answered row by row', async t => {
  const database = await adminDatabase(server, 'rows')
  const first = await database.post('/_bulk_docs', { docs: [{ _id: 'a' }, { v: 1 }] })
  t.equal(first.status, 201)
  t.match(first.json, [
    { ok: true, id: 'a', rev: /^1-/ },
    { ok: true, id: /^[0-9a-f]{32}$/, rev: /^1-/ },
  ])
  const second = await database.post('/_bulk_docs', {
    docs: [{ _id: 'a' }, { _id: '_b' }, 5, { _id: 'c', _y: 1 }, { _id: 'd', _rev: '1-a' }, { _id: 'e' }],
  })
  t.match(second, {
    status: 201,
    json: [
      { id: 'a', error: 'conflict', reason: 'Document update conflict.' },
      { id: '_b', error: 'illegal_docid' },
      { id: '', error: 'bad_request' },
      { id: 'c', error: 'doc_validation' },
      { id: 'd', error: 'conflict' },
      { ok: true, id: 'e' },
    ],
  })
})

t.test('replicated revisions are answered only where they failed, and every failure has its id', async t => {
  const database = await adminDatabase(server, 'replicated')
  const docs = [
    { _id: 'a', _revisions: { start: 2, ids: ['b', 'a'] } },
    { _id: 'b', _rev: '1-x', _attachments: { f: { data: 5 } } },
    { _id: 'c', _rev: '2-x', _attachments: { f: { stub: true, revpos: 1 } } },
    { _id: 'd' },
  ]
  // As PouchDB writes it: what kind of edits these are is told after them.
  const reply = await database.post('/_bulk_docs', { docs, new_edits: false })
  t.match(reply, {
    status: 201,
    json: [
      { id: 'b', rev: '1-x', error: 'forbidden', reason: /^bad_request: .*base64/ },
      { id: 'c', rev: '2-x', error: 'forbidden', reason: /^missing_stub: / },
      { id: 'd', error: 'bad_request' },
    ],
  })
  t.match((await database.get('/a')).json, { _rev: '2-b' })
  const again = await database.post('/_bulk_docs', { docs: docs.slice(0, 1), new_edits: false })
  t.strictSame(again.json, [], 'what is there already is stored')
})

t.test('a document that names no revision is no replicated one', async t => {
  const database = await adminDatabase(server, 'no-revision')
  const reply = await database.post('/_bulk_docs', { docs: [{ _id: 'd' }], new_edits: false })
  t.match(reply, { status: 400, json: { error: 'bad_request', reason: /_rev/ } })
})

type Refusal = { readonly body: unknown; readonly status: number; readonly reason: RegExp }
const REFUSALS: readonly Refusal[] = [
  { body: '{"docs":[{}', status: 400, reason: /JSON/ },
  { body: '[]', status: 400, reason: /JSON object/ },
  { body: {}, status: 400, reason: /`docs`/ },
  { body: { docs: {} }, status: 400, reason: /must be an array/ },
  { body: { docs: [], new_edits: 'no' }, status: 400, reason: /`new_edits`/ },
  { body: { docs: [{ _id: '_x' }, { _id: 5 }] }, status: 400, reason: /underscore/ },
]

t.test('a body that cannot be read at all is refused at once', async t => {
  const database = await adminDatabase(server, 'refused')
  for (const { body, status, reason } of REFUSALS) {
    t.match(await database.post('/_bulk_docs', body), { status, json: { reason } })
    t.match(await database.post('/_bulk_docs', padded(body)), { status, json: { reason } }, 'a large one too')
  }
  t.match((await database.get('')).json, { doc_count: 0 })
  const form = await database.send('POST', '/_bulk_docs', {
    body: '{"docs":[]}',
    headers: { 'Content-Type': 'text/plain' },
  })
  t.equal(form.status, 415)
})

/** More than is read at once. */
function padded(body: unknown): string {
  return ' '.repeat(9 * MEBIBYTE) + (typeof body === 'string' ? body : JSON.stringify(body))
}

t.test('a user may not write design documents, and is told in the row', async t => {
  const mine = httpClient(`${server.url}/me`, server.bearer('anna'))
  for (const newEdits of [true, false]) {
    const docs = [{ _id: '_design/x', _rev: newEdits ? undefined : '1-a' }]
    const reply = await mine.post('/_bulk_docs', { docs, new_edits: newEdits })
    t.match(reply, { status: 201, json: [{ id: '_design/x', error: 'forbidden' }] })
  }
})

t.test('local docs among the others are written as what they are', async t => {
  const database = await adminDatabase(server, 'local')
  const docs = [{ _id: '_local/a/b', v: 1 }, { _id: 'c' }, { _id: '_local/a/b', v: 2 }]
  t.match((await database.post('/_bulk_docs', { docs })).json, [
    { ok: true, id: '_local/a/b', rev: '0-1' },
    { ok: true, id: 'c' },
    { id: '_local/a/b', error: 'conflict' },
  ])
  t.match((await database.get('')).json, { doc_count: 1 })
})

/** Sends the text in pieces, without saying how long it is. */
async function postPieces(database: HttpClient, pieces: Iterable<string>) {
  const encoder = new TextEncoder()
  const body = new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece))
      controller.close()
    },
  })
  return database.send('POST', '/_bulk_docs', { body })
}

t.test('a batch of any size is taken; only a document has a limit', async t => {
  const database = await adminDatabase(small, 'large')
  const photo = Buffer.alloc(MEBIBYTE, 'photo').toString('base64')
  const docs = Array.from({ length: 40 }, (_, i) => ({
    _id: `photo-${i}`,
    _rev: '1-a',
    _attachments: { photo: { content_type: 'image/jpeg', data: photo } },
  }))
  const huge = { _id: 'huge', _rev: '1-a', x: 'y'.repeat(6 * MEBIBYTE) }
  const wide = { _id: 'wide', _rev: '1-a', x: 'y'.repeat(2 * MEBIBYTE) }
  const more = Array.from({ length: MEBIBYTE / 2 }, () => ({}))
  const many = { _id: 'many', _rev: '1-a', _attachments: { f: { data: '', more } } }
  const last = { _id: 'last', _rev: '1-a' }
  const text = JSON.stringify({ docs: [...docs, huge, wide, many, last], new_edits: false })
  const reply = await postPieces(database, [text.slice(0, 1000), text.slice(1000)])
  t.match(reply, {
    status: 201,
    json: [
      { id: 'huge', error: 'forbidden', reason: /^document_too_large: / },
      { id: 'wide', error: 'forbidden', reason: /^document_too_large: / },
      { id: 'many', error: 'forbidden', reason: /^document_too_large: / },
    ],
  })
  t.equal(reply.json.length, 3)
  t.match((await database.get('')).json, { doc_count: 41 })
  const stored = await database.get('/photo-39?attachments=true')
  t.equal(stored.json._attachments.photo.data, photo)
  t.strictSame(await readdir(join(small.dataFolder, 'uploads')), [], 'no upload is left behind')
})

t.test('more documents than answers fit in memory are refused, whichever way they come in', async t => {
  const database = await adminDatabase(server, 'too-many')
  for (const doc of ['{}', JSON.stringify({ text: 'y'.repeat(40) })]) {
    const body = `{"docs":[${`${doc},`.repeat(200_000)}${doc}]}`
    t.match(await database.post('/_bulk_docs', body), { status: 413, json: { error: 'too_large' } })
  }
  t.match((await database.get('')).json, { doc_count: 0 })
})

t.test('a revision that can never be stored does not hold up what a phone pushes behind it', async t => {
  const { local, remote } = await phone(t, small.url, small.token('anna'))
  await local.bulkDocs([{ _id: 'a' }, { _id: 'huge', text: 'y'.repeat(2 * MEBIBYTE) }, { _id: 'z' }])
  const denied: unknown[] = []
  const replication = local.replicate.to(remote, { retry: true })
  replication.on('denied', row => denied.push(row))
  const result = await replication
  t.equal(result.doc_write_failures, 1)
  t.match(denied, [{ id: 'huge', error: 'forbidden' }], 'the app is told which')
  t.same(
    (await remote.allDocs()).rows.map(({ id }) => id),
    ['a', 'z'],
  )
  await local.replicate.to(remote)
  t.equal(denied.length, 1, 'and it is not sent again')
})

t.test('thousands of documents keep their order', async t => {
  const database = await adminDatabase(server, 'many')
  const docs = Array.from({ length: 5000 }, (_, i) => ({ _id: `doc-${i}`, i }))
  const reply = await database.post('/_bulk_docs', { docs })
  t.equal(reply.json.length, 5000)
  t.ok(reply.json.every((row: { id: string; ok: true }, i: number) => row.ok && row.id === `doc-${i}`))
  t.match((await database.get('')).json, { doc_count: 5000 })
})

t.test('of two edits of one document the first one counts, however large and far away it is', async t => {
  const database = await adminDatabase(server, 'twice')
  const data = Buffer.alloc(3 * MEBIBYTE, 'x').toString('base64')
  const large = { f: { data, content_type: 'text/plain' } }
  const others = (of: string) => Array.from({ length: 120 }, (_, n) => ({ _id: `${of}${n}` }))
  const docs = [
    { _id: 'a', _attachments: large },
    ...others('x'),
    { _id: 'a', v: 'second' },
    { _id: 'b', v: 'first' },
    ...others('y'),
    { _id: 'b', _attachments: large },
  ]
  const rows: { id: string; ok?: true; error?: string }[] = (await database.post('/_bulk_docs', { docs }))
    .json
  t.strictSame(
    rows.map(({ id }) => id),
    docs.map(({ _id }) => _id),
  )
  t.strictSame(
    rows.flatMap(({ ok }, n) => (ok ? [] : [n])),
    [121, docs.length - 1],
    'both later ones are conflicts',
  )
  t.match((await database.get('/a')).json, { _attachments: { f: { length: 3 * MEBIBYTE } } })
  const feed: { id: string }[] = (await database.get('/_changes')).json.results
  t.strictSame(
    feed.map(({ id }) => id),
    docs.flatMap(({ _id }, n) => (rows[n]?.ok ? [_id] : [])),
  )
})

t.test('thousands of local docs among others, with their rows in order', async t => {
  const database = httpClient(`${server.url}/me`, server.bearer('many-local'))
  const docs = Array.from({ length: 2300 }, (_, i) => ({
    _id: i % 100 === 0 ? `doc-${i}` : `_local/${i}`,
    i,
  }))
  const rows = (await database.post('/_bulk_docs', { docs: [...docs, { _id: '_local/1', _rev: '0-7' }] }))
    .json
  t.strictSame(
    rows.map(({ id }: { id: string }) => id),
    [...docs.map(({ _id }) => _id), '_local/1'],
  )
  t.match(rows.at(-1), { error: 'conflict' })
  t.ok(rows.slice(0, -1).every(({ ok }: { ok?: boolean }) => ok))
  t.match((await database.get('/_local/2299')).json, { i: 2299 })
})

t.test('a document of a million values and more is told alone, in a batch that is short', async t => {
  const database = httpClient(`${server.url}/me`, server.bearer('heavy'))
  const heavy = `{"_id":"heavy","a":[${'{},'.repeat(600_000)}{}]}`
  const body = `{"docs":[{"_id":"a"},${heavy},{"_id":"b"}]}`
  const reply = await database.send('POST', '/_bulk_docs', { body })
  t.match(reply.json, [
    { ok: true, id: 'a' },
    { id: 'heavy', error: 'document_too_large' },
    { ok: true, id: 'b' },
  ])
  t.match(await database.send('PUT', '/heavy', { body: heavy }), {
    status: 413,
    json: { reason: /1000000 values/ },
  })
})
