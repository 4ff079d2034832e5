import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { couchParts } from '../../../fixtures/couch-multipart.ts'
import { eventually } from '../../../fixtures/eventually.ts'
import { adminDatabase, type HttpClient, httpClient } from '../../../fixtures/http-client.ts'
import {
  BOUNDARY,
  cdtDatastoreBody,
  follows,
  JSON_TYPE,
  md5,
  multipart,
  replicatorBody,
  type Sent,
  syncAndroidBody,
} from '../../../fixtures/multipart-body.ts'
import { mutated, validBodies } from '../../../fixtures/mutated-multipart.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { runningServer } from '../../../fixtures/running-server.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { REFUSED } from './refused-multipart.ts'

const MIB = 1024 * 1024
const dataFolder = t.testdir()
const server = await runningServer(t, { dataFolder, maxAttachmentBytes: 4 * MIB, maxDocumentBytes: 100_000 })
const open = await loadDriver()

function put(database: HttpClient, path: string, body: Uint8Array, headers: Record<string, string> = {}) {
  return database.send('PUT', path, {
    body,
    headers: { 'Content-Type': `multipart/related; boundary="${BOUNDARY}"`, ...headers },
  })
}

function putDoc(database: HttpClient, path: string, doc: unknown, parts: readonly Sent[]) {
  return put(database, path, multipart([{ headers: [JSON_TYPE], body: JSON.stringify(doc) }, ...parts]))
}

async function bytesOf(path: string): Promise<Buffer> {
  const answer = await fetch(`${server.url}${path}`, { headers: { Authorization: server.basic } })
  return Buffer.from(await answer.arrayBuffer())
}

/** Loose attachments, chunks of all, attachments. */
function stored(): string {
  const connection = new Connection(open, `${dataFolder}/divan.sqlite`, { readOnly: true })
  const counts = ['loose_attachments', 'attachment_chunks', 'attachments'].map(
    table => connection.row<[number]>(`select count(*) from ${table}`)?.[0],
  )
  connection.close()
  return counts.join()
}

t.test('a document and its attachments come in one body', async t => {
  const database = await adminDatabase(server, 'plain')
  const large = randomBytes(3 * MIB)
  const doc = {
    a: 1,
    _attachments: { 'first.txt': follows(5), empty: follows(0), large: follows(large.length) },
  }
  const parts = [{ body: 'hello' }, { body: '' }, { body: large }]
  t.match(await putDoc(database, '/doc', doc, parts), {
    status: 201,
    json: { ok: true, id: 'doc', rev: /^1-/ },
  })
  t.match((await database.get('/doc')).json, {
    a: 1,
    _attachments: {
      'first.txt': { content_type: 'a/b', length: 5, digest: md5('hello'), revpos: 1, stub: true },
      empty: { length: 0, digest: md5('') },
      large: { length: large.length, digest: md5(large) },
    },
  })
  t.ok(large.equals(await bytesOf('/plain/doc/large')))
  await eventually(() => stored().startsWith('0,'), 'nothing is loose')

  const rev = (await database.get('/doc')).json._rev
  t.match(await putDoc(database, '/doc', doc, parts), { status: 409, json: { error: 'conflict' } })
  const next = { _attachments: { 'first.txt': { stub: true }, new: follows(3), inline: { data: 'eA==' } } }
  t.match(await putDoc(database, `/doc?rev=${rev}`, next, [{ body: 'new' }]), {
    status: 201,
    json: { rev: /^2-/ },
  })
  t.match((await database.get('/doc')).json._attachments, {
    'first.txt': { content_type: 'a/b', length: 5, digest: md5('hello'), revpos: 1 },
    new: { digest: md5('new'), revpos: 2 },
    inline: { digest: md5('x') },
    large: undefined,
  })
  const without = await put(database, '/none', multipart([{ headers: [JSON_TYPE], body: '{"a":2}' }]))
  t.equal(without.status, 201, 'a document without attachments')
})

t.test("what CouchDB's replicator sends is stored as it was there", async t => {
  const database = await adminDatabase(server, 'replicator')
  const text = Buffer.from('text '.repeat(10_000))
  const packed = gzipSync(text)
  const photo = randomBytes(2 * MIB)
  const name = 'ä "quoted" \\ name.txt'
  const attachments = [
    { name: '10', type: 'image/png', bytes: photo },
    { name: '9', type: 'text/plain', bytes: packed, encoding: 'gzip' },
    { name, type: 'text/plain', bytes: packed, encoding: 'gzip' },
    { name: 'empty', type: 'a/b', bytes: Buffer.alloc(0) },
  ]
  const members = [
    `"10":{"content_type":"image/png","revpos":2,"digest":"${md5(photo)}","length":${photo.length},"follows":true}`,
    `"9":{"content_type":"text/plain","revpos":1,"digest":"${md5(packed)}","length":${text.length},"follows":true,"encoding":"gzip","encoded_length":${packed.length}}`,
    // One that a client packed itself: CouchDB does not know how long it is unpacked.
    `${JSON.stringify(name)}:{"content_type":"text/plain","revpos":1,"digest":"${md5(packed)}","length":${packed.length},"follows":true,"encoding":"gzip","encoded_length":${packed.length}}`,
    `"empty":{"content_type":"a/b","revpos":2,"digest":"${md5('')}","length":0,"follows":true}`,
  ]
  const json = `{"_id":"a/b","_rev":"2-bb","a":{"_attachments":{"empty":1}},"_revisions":{"start":2,"ids":["bb","aa"]},"_attachments":{${members}}}`
  const boundary = randomBytes(16).toString('hex')
  const body = replicatorBody(json, attachments, boundary)
  const headers = {
    'Content-Type': `multipart/related; boundary="${boundary}"`,
    'X-Couch-Full-Commit': 'false',
  }
  const send = (bytes: Uint8Array, more = {}) =>
    database.send('PUT', '/a%2Fb?new_edits=false', { body: bytes, headers: { ...headers, ...more } })
  t.match(await send(body), { status: 201, json: { ok: true, id: 'a/b', rev: '2-bb' } })
  t.match((await database.get('/a%2Fb?revs=true')).json, {
    a: { _attachments: { empty: 1 } },
    _revisions: { start: 2, ids: ['bb', 'aa'] },
    _attachments: {
      10: { content_type: 'image/png', length: photo.length, digest: md5(photo), revpos: 2 },
      9: { length: text.length, digest: md5(text), revpos: 1 },
      [name]: { length: text.length, digest: md5(text), revpos: 1 },
      empty: { length: 0 },
    },
  })
  t.ok(photo.equals(await bytesOf('/replicator/a%2Fb/10')))
  t.ok(text.equals(await bytesOf(`/replicator/a%2Fb/${encodeURIComponent(name)}`)))
  t.equal((await send(body)).status, 201, 'once more')
  t.equal((await send(gzipSync(body), { 'Content-Encoding': 'gzip' })).status, 201, 'all of it packed')
  await eventually(() => stored().startsWith('0,'), 'nothing is loose')

  const stub = `{"_id":"s","_rev":"2-b","_revisions":{"start":2,"ids":["b","a"]},"_attachments":{"f":{"content_type":"a/b","revpos":1,"digest":"${md5('gone')}","length":4,"stub":true},"g":{"content_type":"a/b","revpos":2,"length":1,"follows":true}}}`
  const bytes = replicatorBody(stub, [{ name: 'g', type: 'a/b', bytes: Buffer.from('g') }], boundary)
  t.match(await database.send('PUT', '/s?new_edits=false', { body: bytes, headers }), {
    status: 412,
    json: { error: 'missing_stub' },
  })
})

t.test('what the other clients send is stored, too', async t => {
  const database = await adminDatabase(server, 'clients')
  const text = Buffer.from('text '.repeat(1000))
  const packed = gzipSync(text)
  const revs = '"_rev":"1-aa","_revisions":{"start":1,"ids":["aa"]}'
  const entries = [
    '"2":{"follows":true,"length":3,"encoded_length":0,"content_type":"a/b","revpos":1}',
    `"1" : {"follows":true,"length":${text.length},"encoded_length":${packed.length},"encoding":"gzip","content_type":"text/plain","revpos":1}`,
  ]
  const android = syncAndroidBody(`{${revs},"_attachments":{${entries}}}`, [Buffer.from('abc'), packed])
  const headers = { 'Content-Type': `multipart/related;boundary=${BOUNDARY}` }
  t.equal((await put(database, '/android?new_edits=false', android, headers)).status, 201)
  t.match((await database.get('/android')).json._attachments, {
    1: { digest: md5(text), content_type: 'text/plain' },
    2: { digest: md5('abc'), content_type: 'a/b' },
  })

  const name = 'a"b\\'
  const entry =
    '{"follows":true,"length":3,"revpos":1,"content_type":"a/b","digest":"sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}'
  const json = `{${revs},"_attachments":{${JSON.stringify(name)}:${entry}}}`
  t.equal(
    (await put(database, '/ios?new_edits=false', cdtDatastoreBody(json, { name, bytes: 'abc' }))).status,
    201,
  )
  t.match((await database.get('/ios')).json._attachments, { [name]: { digest: md5('abc'), revpos: 1 } })
})

t.test('what this server sends of a document it takes back', async t => {
  const [source, target] = [await adminDatabase(server, 'source'), await adminDatabase(server, 'target')]
  const data = (text: string) => ({ content_type: 'text/plain', data: Buffer.from(text).toString('base64') })
  const attachments = ['ä "q" \\', '2', '1', 'a/b'].map(name => [name, data(name)])
  const { rev } = (await source.put('/doc', { a: 1, _attachments: Object.fromEntries(attachments) })).json
  const stubs = (await source.get('/doc')).json._attachments
  await source.put('/doc', { _rev: rev, a: 2, _attachments: { ...stubs, new: data('new') } })
  await source.put('/doc?new_edits=false', { _rev: '2-f', a: 3, _attachments: { x: data('x') } })

  for (const since of ['', `&atts_since=["${rev}"]`]) {
    const answer = await fetch(`${server.url}/source/doc?open_revs=all&revs=true${since}`, {
      headers: { Authorization: server.basic, Accept: 'multipart/mixed' },
    })
    const parts = couchParts(answer.headers.get('content-type'), Buffer.from(await answer.arrayBuffer()))
    t.equal(parts.length, 2)
    for (const { headers, bytes } of parts) {
      const type = { 'Content-Type': headers.get('content-type') ?? '' }
      t.equal((await put(target, '/doc?new_edits=false', bytes, type)).status, 201)
    }
  }
  const whole = '/doc?open_revs=all&revs=true&attachments=true'
  const byRev = async (database: HttpClient) =>
    (await database.get(whole)).json.sort((a: Found, b: Found) => (a.ok._rev < b.ok._rev ? -1 : 1))
  t.same(await byRev(target), await byRev(source))
})

type Found = { readonly ok: { readonly _rev: string } }

t.test('a part that is named goes to the attachment of its name', async t => {
  const database = await adminDatabase(server, 'names')
  const doc = { _attachments: { a: follows(1), 'ü b': follows(1), c: follows(1) } }
  const named = (disposition: string, body: string) => ({
    headers: [`Content-Disposition: attachment; ${disposition}`],
    body,
  })
  const cases = [
    { name: 'c, a, ü', parts: [named('filename="c"', 'C'), named('filename=a', 'A'), { body: 'U' }] },
    {
      name: 'ü, then the rest',
      parts: [named("filename*=UTF-8''%C3%BC%20b", 'U'), { body: 'A' }, { body: 'C' }],
    },
    {
      name: 'names of nothing',
      parts: [named('filename="x"; size=1', 'A'), named('filename="y"', 'U'), { body: 'C' }],
    },
    {
      name: 'more than a name',
      parts: [named('filename="ü b"; x="y"', 'U'), named('x', 'A'), named('', 'C')],
    },
  ]
  for (const [n, { name, parts }] of cases.entries()) {
    t.equal((await putDoc(database, `/doc${n}`, doc, parts)).status, 201)
    const { _attachments: found } = (await database.get(`/doc${n}`)).json
    t.match(found, { a: { digest: md5('A') }, 'ü b': { digest: md5('U') }, c: { digest: md5('C') } }, name)
  }
})

t.test('names that objects have of their own are names like others', async t => {
  const database = await adminDatabase(server, 'proto')
  const entries = ['__proto__', 'constructor'].map(name => `"${name}":${JSON.stringify(follows(1))}`)
  const body = `{"_attachments":{${entries}}}`
  const parts = [{ headers: [JSON_TYPE], body }, { body: 'p' }, { body: 'c' }]
  const refusal = (await put(database, '/doc', multipart(parts))).json
  t.match(refusal, { error: 'bad_request', reason: /"__proto__" starts with/ })
  const fine = [{ headers: [JSON_TYPE], body: body.replace('"__proto__"', '"toString"') }, ...parts.slice(1)]
  t.equal((await put(database, '/doc', multipart(fine))).status, 201)
  const { toString: p, constructor: c } = (await database.get('/doc')).json._attachments
  t.match([p, c], [{ digest: md5('p') }, { digest: md5('c') }])
})

t.test('what is wrong is refused by name and leaves nothing', async t => {
  const database = await adminDatabase(server, 'refused')
  const before = stored()
  for (const { name, doc, parts = [], body, headers, path = '/doc', status, error, reason } of REFUSED) {
    const bytes = body ?? multipart([{ headers: [JSON_TYPE], body: JSON.stringify(doc) }, ...parts])
    t.match(await put(database, path, Buffer.from(bytes), headers), { status, json: { error, reason } }, name)
  }
  const user = httpClient(`${server.url}/refused`, server.bearer('somebody'))
  t.equal((await putDoc(user, '/doc', {}, [])).status, 403, 'who may not write')
  t.equal((await database.get('/doc')).status, 404)
  await eventually(() => stored() === before, 'nothing is left')
})

t.test('multipart is for single documents; as an attachment it is bytes like others', async t => {
  const database = await adminDatabase(server, 'elsewhere')
  const headers = { 'Content-Type': `multipart/related; boundary="${BOUNDARY}"` }
  for (const [method, path] of [
    ['POST', ''],
    ['POST', '/_bulk_docs'],
    ['POST', '/_revs_diff'],
  ] as const) {
    const refused = await database.send(method, path, {
      body: multipart([{ headers: [JSON_TYPE], body: '{}' }]),
      headers,
    })
    t.match(refused, { status: 415, json: { error: 'bad_content_type' } }, `${method} ${path}`)
  }
  t.equal(
    (
      await database.send('PUT', '/doc/f', {
        body: multipart([{ headers: [JSON_TYPE], body: '{}' }]),
        headers,
      })
    ).status,
    201,
  )
  t.match((await database.get('/doc')).json._attachments.f, { content_type: headers['Content-Type'] })
})

t.test('design documents are written by admins alone', async t => {
  const own = httpClient(`${server.url}/userdb-${Buffer.from('anna').toString('hex')}`, server.bearer('anna'))
  const refused = await putDoc(own, '/_design/d', { _attachments: { a: follows(1) } }, [{ body: 'a' }])
  t.match(refused, { status: 403, json: { error: 'forbidden' } })
  t.equal((await putDoc(own, '/d', { _attachments: { a: follows(1) } }, [{ body: 'a' }])).status, 201)
  const database = await adminDatabase(server, 'design')
  const written = await putDoc(database, '/_design/d', { _attachments: { a: follows(1) } }, [{ body: 'a' }])
  t.match(written, { status: 201, json: { id: '_design/d' } })
})

t.test('many small attachments are no more memory than a few', async t => {
  const database = await adminDatabase(server, 'many')
  const names = Array.from({ length: 90 }, (_, n) => `n${n}`)
  const bytes = names.map(() => randomBytes(100 * 1024))
  const doc = { _attachments: Object.fromEntries(names.map(name => [name, follows(100 * 1024)])) }
  t.equal(
    (
      await putDoc(
        database,
        '/doc',
        doc,
        bytes.map(body => ({ body })),
      )
    ).status,
    201,
  )
  const { _attachments: found } = (await database.get('/doc')).json
  t.same(
    names.map(name => found[name].digest),
    bytes.map(md5),
  )
})

/** A request of 8 MiB, all of which is never sent. */
function begun(path: string) {
  const { hostname, port } = new URL(server.url)
  const headers = {
    Authorization: server.basic,
    'Content-Type': `multipart/related; boundary=${BOUNDARY}`,
    'Content-Length': 8 * MIB,
  }
  return request({ hostname, port, method: 'PUT', path, headers }).on('error', () => {})
}

t.test('a client that goes away in the middle leaves nothing', async t => {
  const database = await adminDatabase(server, 'gone')
  const before = stored()
  const sending = begun('/gone/doc')
  const doc = { _attachments: { a: follows(MIB), b: follows(3 * MIB) } }
  const body = multipart([
    { headers: [JSON_TYPE], body: JSON.stringify(doc) },
    { body: randomBytes(MIB) },
    { body: randomBytes(3 * MIB) },
  ])
  sending.write(body.subarray(0, 3 * MIB))
  await eventually(() => stored() !== before, 'its first bytes are stored')
  sending.destroy()
  await eventually(() => stored() === before, 'they are gone')
  t.equal((await database.get('/doc')).status, 404)
})

t.test('a client that is refused is told so before it has sent the rest', async t => {
  await adminDatabase(server, 'early')
  const before = stored()
  const sending = begun('/early/doc')
  const doc = { _attachments: { a: follows(MIB), b: follows(10, { encoding: 'gzip', encoded_length: 3 }) } }
  const parts = [{ body: randomBytes(MIB) }, { body: randomBytes(200_000) }]
  sending.write(multipart([{ headers: [JSON_TYPE], body: JSON.stringify(doc) }, ...parts]).subarray(0, -50))
  const [answer] = await once(sending, 'response')
  t.equal(answer.statusCode, 400)
  sending.destroy()
  await eventually(() => stored() === before, 'nothing is left')
})

t.test('a body that is wrong in any way is refused or stored, never an error of ours', async t => {
  const random = seededRandom(t)
  const database = await adminDatabase(server, 'fuzz')
  const valid = [...validBodies()]
  const seen = new Map<number, number>()
  for (let round = 0; round < rounds(300, 6000); round++) {
    let body = random.pick(valid)
    for (let times = 1 + random.below(4); times > 0; times--) body = mutated(body, random)
    const isPacked = random.chance(0.1)
    const headers = isPacked ? { 'Content-Encoding': 'gzip' } : undefined
    const path = random.chance(0.7) ? `/doc${round}?new_edits=false` : `/doc${round}`
    const sent = isPacked ? mutated(gzipSync(body), random) : body
    const { status, json: answer } = await put(database, path, sent, headers)
    seen.set(status, (seen.get(status) ?? 0) + 1)
    const isFine = status === 201 || (status >= 400 && status < 500 && answer?.error && answer.reason)
    if (!isFine)
      t.fail(`round ${round}: ${status} ${JSON.stringify(answer)}`, { body: body.toString('latin1') })
    if (round % 50 === 0)
      t.equal((await put(database, `/valid${round}?new_edits=false`, random.pick(valid))).status, 201)
  }
  t.comment(JSON.stringify([...seen]))
  t.ok((seen.get(400) ?? 0) > 0)
  await eventually(() => stored().startsWith('0,'), 'nothing is loose')
})
