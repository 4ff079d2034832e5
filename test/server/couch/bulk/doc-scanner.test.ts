import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { DocScanner } from '../../../../server/couch/bulk/doc-scanner.ts'
import type { CutValue } from '../../../../server/couch/bulk/value-cut.ts'

const MAX_BYTES = 100_000

/** What the scanner makes of a body that comes in the given chunks; a message if it refuses. */
function scan(chunks: readonly Buffer[], maxBytes = MAX_BYTES): unknown {
  const scanner = new DocScanner(maxBytes)
  const docs: CutValue[] = []
  try {
    for (const chunk of chunks) docs.push(...scanner.push(chunk))
    scanner.end()
    const parsed = docs.map(doc =>
      doc.kind === 'whole' ? JSON.parse(doc.source.toString()) : { tooLarge: doc.id },
    )
    return { ...Object.fromEntries(scanner.members), ...(scanner.hasDocs ? { docs: parsed } : {}) }
  } catch (error) {
    return error instanceof Error ? 'refused' : error
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return 'refused'
  }
}

/** A small generator (mulberry32), so that a failing run can be repeated from its seed. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const ODD_TEXTS = [
  '',
  'a',
  '"',
  '\\',
  '\\"',
  '\\\\',
  '{',
  '}]',
  ',',
  'é',
  '😀',
  '\u0000',
  '\n',
  '\ud800',
  ':',
]

function randomValue(random: (below: number) => number, depth: number): unknown {
  const kind = random(depth > 3 ? 4 : 6)
  if (kind === 0) return random(1000) - 500
  if (kind === 1) return [true, false, null][random(3)]
  if (kind < 4) return Array.from({ length: random(4) }, () => ODD_TEXTS[random(ODD_TEXTS.length)]).join('')
  if (kind === 4) return Array.from({ length: random(4) }, () => randomValue(random, depth + 1))
  return randomObject(random, depth + 1)
}

function randomObject(random: (below: number) => number, depth: number): Record<string, unknown> {
  const names = Array.from({ length: random(5) }, () => `m${random(9)}${ODD_TEXTS[random(ODD_TEXTS.length)]}`)
  return Object.fromEntries(names.map(name => [name, randomValue(random, depth)]))
}

function randomChunks(random: (below: number) => number, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  const most = 1 + random(40)
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random(most)
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

t.test('random bodies, cut anywhere, read as JSON.parse reads them', async t => {
  const seed = randomInt(2 ** 31)
  const random = generator(seed)
  for (let run = 0; run < 3000; run++) {
    const docs = Array.from({ length: random(5) }, () => randomValue(random, 0))
    const members = Object.entries({ ...randomObject(random, 1), docs, new_edits: random(2) === 0 })
    const text = JSON.stringify(Object.fromEntries(members), null, random(3))
    const found = scan(randomChunks(random, Buffer.from(text)))
    if (!isDeepStrictEqual(found, JSON.parse(text))) t.fail(`seed ${seed}, run ${run}: ${text}`)
  }
})

t.test('a damaged body is refused exactly when JSON.parse refuses it', async t => {
  const seed = randomInt(2 ** 31)
  const random = generator(seed)
  for (let run = 0; run < 3000; run++) {
    const docs = Array.from({ length: random(3) }, () => randomValue(random, 2))
    const bytes = Buffer.from(JSON.stringify({ new_edits: false, docs, x: randomValue(random, 2) }))
    bytes[random(bytes.length)] = ' ",:{}[]\\1n'.charCodeAt(random(11))
    const text = bytes.toString()
    const found = scan(randomChunks(random, Buffer.from(text)))
    const twice = /"docs".*"docs"/s.test(text)
    if (!twice && !isDeepStrictEqual(found, parsed(text))) t.fail(`seed ${seed}, run ${run}: ${text}`)
  }
})

t.test('a document over the limit is passed over, and its id found wherever it stands', async t => {
  const big = 'y"\\'.repeat(100_000)
  const tooLarge = [
    { id: 'first', doc: { _id: 'first', big } },
    {
      id: 'la"st',
      doc: { big, nested: [{ _id: 'not it' }], text: '"_id":"nor this"', _id: 'la"st', _rev: '1-a' },
    },
    { id: '', doc: { big, nested: { _id: 'not it' }, _id: 7 } },
    { id: '', doc: [big, '_id', 'x'] },
    { id: 'é', doc: { '_id ': 'no', big, _i: ['_id'], x: {}, _id: 'é' } },
    { id: '', doc: { big, _id: 'x'.repeat(100_000) } },
  ]
  const random = generator(1)
  const text = JSON.stringify({ docs: [...tooLarge.map(({ doc }) => doc), { _id: 'b' }], new_edits: false })
  for (const chunks of [[Buffer.from(text)], randomChunks(random, Buffer.from(text))]) {
    const docs = [...tooLarge.map(({ id }) => ({ tooLarge: id })), { _id: 'b' }]
    t.strictSame(scan(chunks), { docs, new_edits: false })
  }
})

t.test('a body that ends early is refused', async t => {
  const text = '{"docs":[{"_id":"a"}],"new_edits":false}'
  for (let length = 0; length < text.length; length++) {
    t.equal(scan([Buffer.from(text.slice(0, length))]), 'refused', text.slice(0, length))
  }
})

t.test('what stands beside the documents is small, one member or many', async t => {
  const list = (length: number) => JSON.stringify(Array.from({ length }, () => 0))
  t.match(scan([Buffer.from(`{"docs":[],"x":${list(100_000)}}`)]), { docs: [] })
  t.equal(scan([Buffer.from(`{"docs":[],"x":${list(600_000)}}`)]), 'refused')
  const members = Array.from({ length: 20 }, (_, i) => `"m${i}":${list(50_000)}`)
  t.equal(scan([Buffer.from(`{"docs":[],${members}}`)]), 'refused')
})
