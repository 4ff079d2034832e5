import { randomBytes } from 'node:crypto'
import t from 'tap'
import { CouchError } from '../../../server/couch-error.ts'
import { headerParameter } from '../../../server/http/content-type.ts'
import { multipartBoundary, multipartParts } from '../../../server/http/multipart-reader.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'

type Read = { readonly headers: Record<string, string>; readonly body: string }

/** Bytes in chunks of one length, or in those that are given. */
async function* chunksOf(bytes: Uint8Array, length: number | (() => number)): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + (typeof length === 'number' ? length : length())
    yield bytes.subarray(at, end)
    at = end
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array>, boundary = 'b'): Promise<Read[]> {
  const parts: Read[] = []
  for await (const { number, headers, body } of multipartParts(chunks, boundary)) {
    const bytes: Uint8Array[] = []
    for await (const chunk of body) bytes.push(chunk)
    parts.push({ headers: Object.fromEntries(headers), body: Buffer.concat(bytes).toString('latin1') })
    if (number !== parts.length) throw new Error(`part ${number} is number ${parts.length}`)
  }
  return parts
}

function readText(text: string, chunkLength = 1000): Promise<Read[]> {
  return readAll(chunksOf(Buffer.from(text, 'latin1'), chunkLength))
}

const NASTY = [
  '',
  '\r\n',
  '\r\n\r\n',
  'text\r',
  '--b',
  '\n--b\r\n',
  '\r\n--c--\r\n\r\n--bc\r\n',
  '\r\n-\r\n--\r\n--bb',
  '\r--b\r\n\n--b--',
  '\r\n--b x\r\n',
  '\r\n--b-\r\n',
  `\r\n--b${' '.repeat(65)}\r\n`,
]

t.test('parts come as they were sent, wherever the borders of chunks are', async t => {
  const text = `preamble\r\n--bx\r\n--b \t\r\nA: 1\r\nB:2\r\n\r\n${NASTY.map(body => `${body}\r\n--b\r\n\r\n`).join('')}end\r\n--b--epilogue\r\n--b\r\n`
  const expected = [...NASTY, 'end'].map((body, n) => ({ headers: n === 0 ? { a: '1', b: '2' } : {}, body }))
  for (let length = 1; length <= 40; length++)
    t.same(await readText(text, length), expected, `chunks of ${length}`)
  for (let at = 0; at <= text.length; at++) {
    const halves = [at, text.length][Symbol.iterator]()
    const parts = await readAll(chunksOf(Buffer.from(text, 'latin1'), () => Number(halves.next().value)))
    if (JSON.stringify(parts) !== JSON.stringify(expected)) t.same(parts, expected, `a border at ${at}`)
  }
})

t.test('random bodies come as they were sent', async t => {
  const random = seededRandom(t)
  const letters = ['\r', '\n', '-', 'b', ' ', 'x', '\0']
  const some = (most: number) =>
    Array.from({ length: random.below(most) }, () => random.pick(letters)).join('')
  for (let round = 0; round < rounds(300, 20_000); round++) {
    const boundary = random.pick(['b', 'bb', '-', '--b', 'b-b', 'xbx'])
    const isNone = (body: string) => !`\r\n${body}\r\n`.includes(`\r\n--${boundary}`)
    const bodies = Array.from({ length: 1 + random.below(4) }, () => some(30)).filter(isNone)
    const parts = bodies.map(body => `--${boundary}\r\n\r\n${body}\r\n`)
    const text = [...parts, `--${boundary}--${some(5)}`].join('')
    const chunks = chunksOf(Buffer.from(text), () => 1 + random.below(9))
    t.same(
      (await readAll(chunks, boundary)).map(({ body }) => body),
      bodies,
      JSON.stringify(text),
    )
  }
})

t.test('a part within a part is bytes like others', async t => {
  const inner = '--bb\r\n\r\ninner\r\n--bb--'
  const [part] = await readText(`--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n${inner}\r\n--b--`)
  t.equal(part?.body, inner)
})

t.test('headers are read as others write them', async t => {
  const head =
    'X-Long: a\r\n b\r\n\tc\r\nX-Long: later\r\nX-EMPTY:\r\nName : blank\r\nUtf: \xc3\xa4\r\nLatin: \xe4'
  t.same(await readText(`--b\r\n${head}\r\n\r\n\r\n--b--`), [
    { headers: { 'x-long': 'a b\tc', 'x-empty': '', name: 'blank', utf: 'Ã¤', latin: 'ä' }, body: '' },
  ])
  const [utf8] = await readText('--b\r\nUtf: \xc3\xa4\r\n\r\n\r\n--b--')
  t.equal(utf8?.headers.utf, 'ä')
})

t.test('10,000 parts, and one of 20 MB that nobody reads', async t => {
  const parts = await readText(`${'--b\r\n\r\nx\r\n'.repeat(10_000)}--b--`, 1 << 16)
  t.equal(parts.length, 10_000)
  const large = Buffer.concat([
    Buffer.from('--b\r\n\r\n'),
    Buffer.alloc(20_000_000, '\r\n--'),
    Buffer.from('\r\n--b\r\n\r\nnext\r\n--b--'),
  ])
  const bodies: string[] = []
  for await (const { number, body } of multipartParts(chunksOf(large, 1 << 16), 'b')) {
    for await (const chunk of body) {
      if (number === 2) bodies.push(String(chunk))
      break
    }
  }
  t.same(bodies, ['next'])
})

const MALFORMED = [
  { name: 'nothing', text: '', reason: /has no line "--b"/ },
  { name: 'no boundary', text: 'some text\r\n', reason: /has no line "--b"/ },
  { name: 'bare line feeds', text: '--b\nA: 1\n\nx\n--b--\n', reason: /lines end with CRLF/ },
  { name: 'the end after the first boundary', text: '--b', reason: /has no line/ },
  { name: 'the end in the headers', text: '--b\r\nA: 1\r\n', reason: /within part 1.*"--b--" is missing/ },
  { name: 'the end in a body', text: '--b\r\n\r\nx\r\n--b\r\n\r\nx', reason: /within part 2/ },
  { name: 'half of the last boundary', text: '--b\r\n\r\nx\r\n--b-', reason: /within part 1/ },
  {
    name: 'headers of 100 kB',
    text: `--b\r\nA: ${'x'.repeat(100_000)}`,
    reason: /Headers of part 1 are longer/,
  },
  {
    name: 'a header without a name',
    text: '--b\r\n: 1\r\n\r\nx\r\n--b--',
    reason: /Part 1 has a header line.*": 1"/,
  },
  {
    name: 'a line that is no header',
    text: '--b\r\nA: 1\r\n\x01text\r\n\r\n--b--',
    reason: /Part 1.*"\?text"/,
  },
]

for (const { name, text, reason } of MALFORMED) {
  t.test(`${name}: a bad_request that says what is wrong`, async t => {
    for (const length of [1, 7, 100_000])
      await t.rejects(readText(text, length), { word: 'bad_request', message: reason })
  })
}

t.test('what ends the body ends its reader', async t => {
  const cause = new Error('the socket is gone')
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('--b\r\n\r\nsome')
    throw cause
  }
  await t.rejects(readAll(broken()), cause)
})

t.test('a boundary is what Content-Type says, if it can be one', t => {
  const long = randomBytes(35).toString('hex')
  const good: readonly (readonly [string, string])[] = [
    ['multipart/related; boundary=abc', 'abc'],
    ['multipart/related;boundary="abc"', 'abc'],
    ['multipart/related; type="a;boundary=no"; BOUNDARY="a\\"b c"; x=y', 'a"b c'],
    ['multipart/related; boundary=x; boundary=y', 'x'],
    ['multipart/related;; boundary=one ;', 'one'],
    [`multipart/related; boundary=${long}`, long],
    ['multipart/related;boundary=m~~~:=?', 'm~~~:=?'],
  ]
  for (const [type, boundary] of good) t.equal(multipartBoundary(type), boundary, type)
  const bad = [
    '',
    '; boundary',
    '; boundary=',
    '; boundary=""',
    '; boundary="x',
    `; boundary=${long}1`,
    '; boundary="x "',
  ]
  bad.push(`; boundary="${'x'.repeat(1000)}"`, '; xboundary=x', '; boundary="\t"')
  for (const parameters of bad)
    t.throws(() => multipartBoundary(`multipart/related${parameters}`), CouchError, parameters)
  t.equal(headerParameter(`x${';a="'.repeat(4000)}`, 'boundary'), undefined)
  t.end()
})
