import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { eventually } from '../../../fixtures/eventually.ts'
import { adminDatabase } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const MIB = 1024 * 1024
const dataFolder = t.testdir()
const server = await runningServer(t, {
  dataFolder,
  maxAttachmentBytes: 8 * MIB,
  maxDocumentBytes: 20_000,
})
const open = await loadDriver()
const BINARY = { 'Content-Type': 'application/octet-stream' }

function md5(data: Uint8Array): string {
  return createHash('md5').update(data).digest('base64')
}

/** Loose attachments, chunks of all, attachments. */
function stored(): unknown {
  const connection = new Connection(open, `${dataFolder}/divan.sqlite`, { readOnly: true })
  const counts = ['loose_attachments', 'attachment_chunks', 'attachments'].map(
    table => connection.row<[number]>(`select count(*) from ${table}`)?.[0],
  )
  connection.close()
  return counts
}

t.test('attachments of any length come back as they were sent', async t => {
  const database = await adminDatabase(server, 'lengths')
  for (const length of [0, 1, 256 * 1024, 256 * 1024 + 1, 5 * MIB, 8 * MIB]) {
    const data = randomBytes(length)
    const sent = await database.send('PUT', `/doc${length}/f`, { body: data, headers: BINARY })
    t.match(sent, { status: 201, json: { rev: /^1-/ } }, `${length} bytes`)
    const answer = await fetch(`${server.url}/lengths/doc${length}/f`, {
      headers: { Authorization: server.basic },
    })
    t.ok(data.equals(new Uint8Array(await answer.arrayBuffer())))
    t.equal(answer.headers.get('etag'), `"${md5(data)}"`)
    t.equal(answer.headers.get('content-length'), String(length))
    t.match((await database.get(`/doc${length}`)).json._attachments.f, { length, revpos: 1 })
  }
  await eventually(() => (stored() as number[])[0] === 0, 'nothing is loose')
})

t.test('one that is too large is refused, by what it says of itself or by its bytes', async t => {
  const database = await adminDatabase(server, 'too-large')
  const before = stored()
  const refused = { status: 413, json: { error: 'attachment_too_large' } }
  const data = Buffer.alloc(8 * MIB + 1)
  t.match(await database.send('PUT', '/a/f', { body: data, headers: BINARY }), refused)
  const unknownLength = new Blob([data]).stream()
  t.match(await database.send('PUT', '/a/f', { body: unknownLength, headers: BINARY }), refused)
  const gzip = { ...BINARY, 'Content-Encoding': 'gzip' }
  t.match(await database.send('PUT', '/a/f', { body: gzipSync(data), headers: gzip }), refused)
  t.equal((await database.get('/a')).status, 404)
  await eventually(() => String(stored()) === String(before), 'nothing is left of them')
})

t.test('a compressed attachment is stored as what it was', async t => {
  const database = await adminDatabase(server, 'gzip')
  const data = Buffer.from('text '.repeat(200_000))
  const headers = { ...BINARY, 'Content-Encoding': 'gzip' }
  t.equal((await database.send('PUT', '/a/f', { body: gzipSync(data), headers })).status, 201)
  t.equal((await database.get('/a/f')).headers.get('etag'), `"${md5(data)}"`)
})

t.test('what does not have the Content-MD5 it came with is refused', async t => {
  const database = await adminDatabase(server, 'md5')
  for (const length of [0, 100, 2 * MIB]) {
    const data = randomBytes(length)
    const right = { ...BINARY, 'Content-MD5': md5(data) }
    const wrong = { ...BINARY, 'Content-MD5': md5(randomBytes(10)) }
    t.match(await database.send('PUT', `/doc${length}/f`, { body: data, headers: wrong }), {
      status: 400,
      json: { error: 'content_md5_mismatch', reason: 'Possible message corruption.' },
    })
    t.equal((await database.send('PUT', `/doc${length}/f`, { body: data, headers: right })).status, 201)
  }
  await eventually(() => (stored() as number[])[0] === 0, 'nothing is loose')
})

t.test('a large attachment that comes too late for its revision leaves nothing', async t => {
  const database = await adminDatabase(server, 'conflict')
  const { rev } = (await database.put('/a', {})).json
  const before = stored()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(randomBytes(2 * MIB))
      // While the bytes are on their way somebody else is faster.
      t.equal((await database.put('/a', { _rev: rev })).status, 201)
      controller.close()
    },
  })
  const late = await database.send('PUT', `/a/f?rev=${rev}`, { body, headers: BINARY })
  t.match(late, { status: 409, json: { error: 'conflict' } })
  await eventually(() => String(stored()) === String(before), 'nothing is left of it')
})

t.test('a client that goes away in the middle leaves nothing', async t => {
  const database = await adminDatabase(server, 'aborted')
  const before = stored()
  const { hostname, port } = new URL(server.url)
  const sending = request({
    hostname,
    port,
    method: 'PUT',
    path: '/aborted/a/f',
    headers: { ...BINARY, Authorization: server.basic, 'Content-Length': 8 * MIB },
  })
  sending.on('error', () => {})
  sending.write(randomBytes(3 * MIB))
  await eventually(() => String(stored()) !== String(before), 'its first bytes are stored')
  sending.destroy()
  await eventually(() => String(stored()) === String(before), 'they are gone')
  t.equal((await database.get('/a')).status, 404)
})

t.test('attachments count towards the size of their document, one by one, too', async t => {
  const database = await adminDatabase(server, 'weight')
  const name = 'n'.repeat(500)
  let rev: string | undefined
  const put = (n: number) =>
    database.send('PUT', `/a/${name}${n}${rev === undefined ? '' : `?rev=${rev}`}`, {
      body: 'x',
      headers: BINARY,
    })
  let count = 0
  for (let reply = await put(0); reply.status === 201; reply = await put(++count)) rev = reply.json.rev
  t.equal(count, 19)
  t.match(await put(count), { status: 413, json: { error: 'document_too_large' } })
  const first = `/a/${name}0?rev=${rev}`
  t.equal((await database.send('PUT', first, { body: 'y', headers: BINARY })).status, 201, 'one replaced')
})
