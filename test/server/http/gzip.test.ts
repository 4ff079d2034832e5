import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip, gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { acceptsGzip } from '../../../server/http/accept.ts'
import { crc32Plain } from '../../../server/http/crc32.ts'
import { GzipOut } from '../../../server/http/gzip-out.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { runningServer } from '../../fixtures/running-server.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'
import { shellServer } from '../../fixtures/shell-server.ts'

const server = await runningServer(t, { gzip: true })
const anna = server.bearer('anna')
const mine = httpClient(`${server.url}/me`, anna)
const long = 'what repeats itself '.repeat(200)

/** An answer as it travels. */
async function plainGet(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const asked = request(`${server.url}${path}`, { method, headers: { authorization: anna, ...headers } })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  const chunks: Uint8Array[] = []
  for await (const chunk of answer) chunks.push(chunk)
  return { status: answer.statusCode, headers: answer.headers, bytes: Buffer.concat(chunks) }
}
const GZIP = { 'accept-encoding': 'gzip' }

t.test('who asks for gzip, and who does not', async t => {
  const yes = [
    'gzip',
    'GZIP',
    'deflate, gzip;q=0.5, *;q=0',
    '*',
    'x-gzip',
    'gzip;q=1.0, identity; q=0.5',
    'br, gzip',
  ]
  const no = [
    undefined,
    '',
    'br',
    'gzip;q=0',
    'gzip; q = 0, *',
    'identity, gzip; q = 0.5',
    'gzip; q=0.000, *',
    'identity',
    'identity, gzip;q=0.5',
    '*;q=0',
    'gzip;q=x;q=0',
  ]
  for (const header of yes) t.equal(acceptsGzip(header), true, header)
  for (const header of no) t.equal(acceptsGzip(header), false, header ?? 'no header')
})

t.test('the checksum is the same without Node’s help', async t => {
  const checksum = (text: string) => gzipSync(text).readUInt32LE(gzipSync(text).length - 8)
  t.equal(crc32Plain(Buffer.from('dürfen'), 0), checksum('dürfen'))
  t.equal(crc32Plain(Buffer.from('b'), crc32Plain(Buffer.from('a'), 0)), checksum('ab'))
})

t.test('pieces of any size, awaited or not, are one gzip stream in their order', async t => {
  const random = seededRandom(t)
  for (let round = 0; round < 5; round++) {
    const sent: Uint8Array[] = []
    const plain: string[] = []
    const out = new GzipOut({
      signal: new AbortController().signal,
      write: bytes => void sent.push(bytes as Uint8Array),
    })
    for (let i = 0; i < 30; i++) {
      const piece = random.chance(0.3)
        ? '\n'
        : random.uuid().repeat(random.below(random.chance(0.2) ? 5000 : 50))
      plain.push(piece)
      const written = out.write(piece)
      if (random.chance(0.5)) await written
    }
    await out.end()
    t.equal(gunzipSync(Buffer.concat(sent)).toString(), plain.join(''))
  }
})

t.test('an answer of some length is gzipped for who asks for it, and says so', async t => {
  await mine.put('/long', { long })
  const plain = await plainGet('/me/long')
  const zipped = await plainGet('/me/long', GZIP)
  t.match(plain.headers, { vary: /Accept-Encoding/, 'content-encoding': undefined, etag: /^"1-\w+"$/ })
  t.match(zipped.headers, {
    vary: /Accept-Encoding/,
    'content-encoding': 'gzip',
    'content-type': 'application/json',
  })
  t.equal(zipped.headers.etag, `W/${plain.headers.etag}`)
  t.ok(zipped.bytes.length < plain.bytes.length / 4)
  t.equal(gunzipSync(zipped.bytes).toString(), plain.bytes.toString())

  for (const headers of [{}, GZIP] as Record<string, string>[]) {
    const [get, head] = [await plainGet('/me/long', headers), await plainGet('/me/long', headers, 'HEAD')]
    for (const name of ['content-encoding', 'content-type', 'etag', 'vary'])
      t.equal(head.headers[name], get.headers[name])
    t.ok(['undefined', get.headers['content-length']].includes(String(head.headers['content-length'])))
  }
  await mine.put('/short', { a: 1 })
  t.equal(
    (await plainGet('/me/short', GZIP)).headers['content-encoding'],
    undefined,
    'little is left as it is',
  )
  t.equal((await plainGet('/me/missing', GZIP)).status, 404)
})

t.test('caches are told all that an answer depends on', async t => {
  const route = { method: 'GET', path: '/', access: 'public', handle: () => ({ json: { long } }) } as const
  const { url } = await shellServer(t, [route], { gzip: true, corsOrigins: ['https://a.example'] })
  t.match(await rawRequest(url, '/', { headers: { origin: 'https://a.example' } }), {
    headers: { vary: 'Origin, Accept-Encoding' },
  })
})

t.test('an ETag finds its document in either form, and a rev its document', async t => {
  const etag = String((await plainGet('/me/long', GZIP)).headers.etag)
  const again = await plainGet('/me/long', { ...GZIP, 'if-none-match': etag })
  t.match(again, { status: 304, headers: { etag } })
  t.equal(again.bytes.length, 0)
  t.match(await plainGet('/me/long', { 'if-none-match': etag }), { status: 304 })
  t.match(await plainGet('/me/long', { ...GZIP, 'if-none-match': etag.slice(2) }), {
    status: 304,
    headers: { etag: etag.slice(2) },
  })
  const written = await mine.send('PUT', '/long', { body: { long }, headers: { 'If-Match': etag } })
  t.equal(written.status, 201)
})

t.test('attachments: texts are gzipped, photos, ranges and what is small are not', async t => {
  const put = async (name: string, type: string, body: string) => {
    const { rev } = (await mine.get('/files')).json._rev
      ? { rev: (await mine.get('/files')).json._rev }
      : { rev: undefined }
    await mine.send('PUT', `/files/${name}${rev === undefined ? '' : `?rev=${rev}`}`, {
      body,
      headers: { 'Content-Type': type },
    })
  }
  await put('notes.txt', 'text/plain; charset=utf-8', long)
  await put('photo.jpg', 'image/jpeg', long)
  await put('short.txt', 'text/plain', 'short')
  const notes = await plainGet('/me/files/notes.txt', GZIP)
  t.match(notes.headers, {
    'content-encoding': 'gzip',
    'content-length': undefined,
    'accept-ranges': undefined,
    etag: /^W\//,
  })
  t.equal(gunzipSync(notes.bytes).toString(), long)
  t.equal(
    (await plainGet('/me/files/notes.txt', { ...GZIP, 'if-none-match': String(notes.headers.etag) })).status,
    304,
  )
  for (const name of ['photo.jpg', 'short.txt']) {
    const { headers } = await plainGet(`/me/files/${name}`, GZIP)
    t.match(
      headers,
      { 'content-encoding': undefined, 'content-length': String, 'accept-ranges': 'bytes', etag: /^"/ },
      name,
    )
  }
  const range = await plainGet('/me/files/notes.txt', { ...GZIP, range: 'bytes=5-11' })
  t.match(range, { status: 206, headers: { 'content-encoding': undefined } })
  t.equal(range.bytes.toString(), long.slice(5, 12))
})

/** A gzipped feed, unpacked as it comes in. */
async function openFeed(
  t: Test,
  path: string,
  authorization: string,
): Promise<{ answer: IncomingMessage; text: () => string; asked: ClientRequest }> {
  const asked = request(`${server.url}${path}`, { headers: { authorization, ...GZIP }, agent: false })
  t.teardown(() => asked.destroy())
  asked.on('error', () => {})
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  answer.pipe(createGunzip()).on('data', chunk => {
    text += chunk
  })
  return { answer, text: () => text, asked }
}

t.test('every heartbeat and every line of a feed comes through at once, and its end is whole', async t => {
  const last_seq = '$last_seq'
  for (const [template, authorization] of [
    [`/me/_changes?feed=longpoll&since=${last_seq}&heartbeat=100`, anna],
    [`/me/_changes?feed=continuous&since=${last_seq}&heartbeat=100&limit=1&include_docs=true`, anna],
    [`/me/_changes?feed=eventsource&since=${last_seq}&heartbeat=100&limit=1`, anna],
    ['/_db_updates?feed=continuous&since=now&heartbeat=100&limit=1', server.basic],
  ] as const) {
    const path = template.replace(last_seq, (await mine.get('/_changes')).json.last_seq)
    const feed = await openFeed(t, path, authorization)
    t.match(feed.answer.headers, {
      'content-encoding': 'gzip',
      'x-accel-buffering': 'no',
      'cache-control': /no-transform/,
    })
    await eventually(() => /\n\n\n/.test(feed.text()), `heartbeats of ${path}`)
    const ended = once(feed.answer, 'end')
    await mine.post('', { long })
    await eventually(() => /seq":"/.test(feed.text()), `the row of ${path}`)
    await ended
    if (path.includes('longpoll')) t.equal(JSON.parse(feed.text()).results.length, 1)
  }
})

t.test(
  'a client that does not read holds a piece of a large answer, and gets it whole once it reads',
  async t => {
    const total = 400
    let written = 0
    const { url } = await shellServer(
      t,
      [
        {
          method: 'GET',
          path: '/',
          access: 'public',
          handle: () => ({
            async write(out) {
              for (; written < total; written++) await out.write(randomBytes(64 * 1024).toString('base64'))
            },
          }),
        },
      ],
      { gzip: true },
    )
    const asked = request(url, { headers: GZIP, agent: false }).end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    t.equal(answer.headers['content-encoding'], 'gzip')
    let held = -1
    while (written !== held) {
      held = written
      await sleep(500)
    }
    t.ok(held < total / 2, `${held} of ${total} pieces, and no more`)
    let length = 0
    for await (const chunk of answer.pipe(createGunzip())) length += chunk.length
    t.equal(length, total * Math.ceil((64 * 1024) / 3) * 4)
  },
)
