import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { RawConnection } from '../../fixtures/raw-connection.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { serverProcess } from '../../fixtures/server-process.ts'

const MIB = 1024 * 1024
const HEAP_MIB = 200
/** Requests of a kind that come at once. */
const AT_ONCE = rounds(3, 12)
/** How long others wait at most. Parsing 32 MiB takes a third of a second, and a busy machine makes it more. */
const MAX_WAIT_MS = 3000

type Bomb = {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly body: () => Buffer
  readonly gzip?: boolean
  /** Allowed answers. */
  readonly status: readonly number[]
}

const filled = (start: string, item: string, bytes: number, end: string) =>
  Buffer.from(`${start}${item.repeat(Math.floor(bytes / item.length))}${end}`)
/** Just within the limit of bodies that are parsed as a whole. */
const FULL = 31.9 * MIB

const MILLION = 1_000_000
/** As many values as a body may have, in groups of `values`. */
const MOST = 190_000

function many(count: number, start: string, of: (n: number) => string, end: string): Buffer {
  return Buffer.from(`${start}${Array.from({ length: count }, (_, n) => of(n)).join()}${end}`)
}

/** Gzips may stand one behind the other: ten of these are a gigabyte in ten times nothing. */
const hundredMebibytes = gzipSync(Buffer.alloc(100 * MIB), { level: 9 })
const tenGigabytes = () => Buffer.concat(Array.from({ length: 102 }, () => hundredMebibytes))

const id = (n: number) => `"k${n}"`

const post = (name: string, path: string, body: () => Buffer, ...status: number[]): Bomb => ({
  name: `${name} at ${path}`,
  method: 'POST',
  path: `/me${path}`,
  body,
  status,
})

const BOMBS: readonly Bomb[] = [
  post('ten million lists', '/_bulk_get', () => filled('{"docs":[', '[],', FULL, '[]]}'), 413),
  post('ten million levels', '/_all_docs', () => filled('{"keys":', '[', FULL, ''), 400, 413),
  post('a million levels', '/_revs_diff', () => filled('', '{"a":', 4 * MIB, '1'), 413),
  post('a million ids', '/_all_docs', () => many(MILLION, '{"keys":[', id, ']}'), 413),
  post('a million ids', '/_changes?filter=_doc_ids', () => many(MILLION, '{"doc_ids":[', id, ']}'), 413),
  post('a million members', '/_revs_diff', () => many(MILLION, '{', n => `${id(n)}:["1-a"]`, '}'), 413),
  post('a million rows', '/_bulk_get', () => many(MILLION, '{"docs":[', n => `{"id":${id(n)}}`, ']}'), 413),
  post('as many ids as can be', '/_all_docs', () => many(MOST, '{"keys":[', id, ']}'), 200),
  post('as many ids as can be', '/_changes?filter=_doc_ids', () => many(MOST, '{"doc_ids":[', id, ']}'), 200),
  post(
    'as many members as can be',
    '/_revs_diff',
    () => many(MOST / 2, '{', n => `${id(n)}:["1-a"]`, '}'),
    200,
  ),
  post(
    'as many rows as can be',
    '/_bulk_get',
    () => many(MOST / 2, '{"docs":[', n => `{"id":${id(n)}}`, ']}'),
    200,
  ),
  post(
    'as long ids as can be',
    '/_all_docs',
    () => many(1, '{"keys":[', () => `"${'x'.repeat(31.9 * MIB)}"`, ']}'),
    200,
  ),
  post('a million documents', '/_bulk_docs', () => many(MILLION, '{"docs":[', () => '{}', ']}'), 400, 413),
  post('a number of a million digits', '/_all_docs', () => filled('{"limit":', '9', MIB, '}'), 400),
  post('a hundred megabytes', '/_revs_diff', () => filled('[', '5,', 100 * MIB, '5]'), 413),
  post('a hundred megabytes', '/_bulk_docs', () => filled('{"docs":[', '5,', 100 * MIB, '5]}'), 400, 413),
  post('a hundred megabytes', '', () => filled('{"a":[', '5,', 100 * MIB, '5]}'), 413),
  post('one document', '', () => filled('{"a":"', 'x', 100 * MIB, '"}'), 413),
  { ...post('ten gigabytes', '/_bulk_docs', tenGigabytes, 400, 413), gzip: true },
  { ...post('ten gigabytes', '/_revs_diff', tenGigabytes, 413), gzip: true },
  { ...post('ten gigabytes', '', tenGigabytes, 413), gzip: true },
  { ...post('ten gigabytes', '/d/f', tenGigabytes, 413), gzip: true, method: 'PUT' },
  { ...post('ten gigabytes', '/_local/x', tenGigabytes, 413), gzip: true, method: 'PUT' },
]

/** In `npm test` those that ended a process once, or nearly did. */
const QUICK = new Set([
  'a million rows at /_bulk_get',
  'as many ids as can be at /_changes?filter=_doc_ids',
  'one document at ',
])
const bombs = rounds(0, 1) === 1 ? BOMBS : BOMBS.filter(({ name }) => QUICK.has(name))

t.test(`a server with a heap of ${HEAP_MIB} MiB outlives them, and serves others meanwhile`, async t => {
  const server = await serverProcess(t, { maxHeapMib: HEAP_MIB })
  const port = Number(new URL(server.url).port)
  const others = watch(server.url, server.token('bert'))
  for (const bomb of bombs) {
    const started = Date.now()
    const bytes = wire(bomb, server.token('anna'))
    const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => send(port, bytes)))
    for (const { status } of replies) t.ok(bomb.status.includes(status), `${bomb.name}: ${status}`)
    const waitedMs = others.longestMs()
    t.ok(waitedMs < MAX_WAIT_MS, `others waited ${waitedMs} of ${Date.now() - started} ms`)
  }
  t.equal(await others.failures(), 0, 'and none of their requests failed')
})

function wire({ method, path, body, gzip }: Bomb, token: string): Buffer {
  const bytes = body()
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: x',
    'Content-Type: application/json',
    `Authorization: Bearer ${token}`,
    `Content-Length: ${bytes.length}`,
    ...(gzip ? ['Content-Encoding: gzip'] : []),
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes])
}

async function send(port: number, bytes: Buffer) {
  const connection = new RawConnection(port)
  const reply = await connection.exchange({ bytes, method: 'POST', timeoutMs: 300_000 })
  connection.close()
  return reply
}

/** Another user, who asks for something small again and again. */
function watch(url: string, token: string) {
  let longest = 0
  let failed = 0
  let isOver = false
  let start = Date.now()
  let isOpen = false
  const asking = (async () => {
    while (!isOver) {
      start = Date.now()
      isOpen = true
      const ok = await fetch(`${url}/me`, { headers: { Authorization: `Bearer ${token}` } })
        .then(async answer => (await answer.json()).db_name !== undefined)
        .catch(() => false)
      if (!ok) failed++
      longest = Math.max(longest, Date.now() - start)
      isOpen = false
      await sleep(20)
    }
  })()
  return {
    /** Since it was asked last; the request that is still open counts. */
    longestMs() {
      const ms = Math.max(longest, isOpen ? Date.now() - start : 0)
      longest = 0
      return ms
    },
    async failures() {
      isOver = true
      await asking
      return failed
    },
  }
}
