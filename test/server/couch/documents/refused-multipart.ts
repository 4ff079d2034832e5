import { gzipSync } from 'node:zlib'
import { BOUNDARY, follows, JSON_TYPE, md5, multipart, type Sent } from '../../../fixtures/multipart-body.ts'

const MIB = 1024 * 1024

/** A multipart `PUT` that is refused. */
export type Refused = {
  readonly name: string
  readonly status: number
  readonly error: string
  readonly reason: RegExp
  readonly doc?: unknown
  readonly parts?: readonly Sent[]
  /** In place of doc and parts. */
  readonly body?: string | Uint8Array
  readonly headers?: Record<string, string>
  readonly path?: string
}

const bad = { status: 400, error: 'bad_request' } as const
const two = { _attachments: { a: follows(3), b: follows(3) } }
const json = { headers: [JSON_TYPE], body: '{}' }
const gzip = { encoding: 'gzip', encoded_length: 3 }
const large = Buffer.alloc(4 * MIB + 1)
/** Nothing but zeros: each part is within its limit, all of them together unpack to 68 MiB. */
const packed = gzipSync(Buffer.alloc(4 * MIB))
const manyPacked = Array.from({ length: 17 }, (_, i) => `f${i}`)

/** Written for attachments of at most 4 MiB and documents of at most 100,000 bytes. */
export const REFUSED: readonly Refused[] = [
  {
    name: 'no boundary',
    ...bad,
    body: '',
    headers: { 'Content-Type': 'multipart/related' },
    reason: /boundary/,
  },
  { name: 'an empty body', ...bad, body: '', reason: /has no line "--b7e2c1"/ },
  { name: 'no parts', ...bad, body: `--${BOUNDARY}--`, reason: /no parts/ },
  {
    name: 'no document',
    status: 415,
    error: 'bad_content_type',
    body: multipart([{ body: '{}' }]),
    reason: /part 1/,
  },
  {
    name: 'a broken document',
    ...bad,
    body: multipart([{ headers: [JSON_TYPE], body: '{"a":' }]),
    reason: /JSON/,
  },
  {
    name: 'no object',
    ...bad,
    body: multipart([{ headers: [JSON_TYPE], body: '[]' }]),
    reason: /JSON object/,
  },
  {
    name: 'bytes that are no UTF-8',
    ...bad,
    body: multipart([{ headers: [JSON_TYPE], body: Buffer.from([0x22, 0xff, 0x22]) }]),
    reason: /UTF-8/,
  },
  {
    name: 'a part too few',
    ...bad,
    doc: two,
    parts: [{ body: 'aaa' }],
    reason: /"b" follows, but there are only 1 parts/,
  },
  {
    name: 'a part too many',
    ...bad,
    doc: { _attachments: { a: follows(3) } },
    parts: [{ body: 'aaa' }, { body: '' }],
    reason: /Part 3 is one too many/,
  },
  { name: 'a part of nothing', ...bad, doc: {}, parts: [{ body: 'aaa' }], reason: /Part 2 is one too many/ },
  {
    name: 'a part for a stub',
    ...bad,
    doc: { _attachments: { a: { stub: true } } },
    parts: [{ body: 'aaa' }],
    reason: /Part 2 is one too many/,
  },
  {
    name: 'a part that is too short',
    ...bad,
    doc: two,
    parts: [{ body: 'aaa' }, { body: 'bb' }],
    reason: /"b" \(part 3\) has 2 bytes, fewer than the 3/,
  },
  {
    name: 'a part that is too long',
    ...bad,
    doc: two,
    parts: [{ body: 'aaaa' }, { body: 'bbb' }],
    reason: /"a" \(part 2\) is longer than the 3/,
  },
  {
    name: 'the same name twice',
    ...bad,
    doc: two,
    parts: [{ body: 'aaa' }, { headers: ['Content-Disposition: attachment; filename="a"'], body: 'bbb' }],
    reason: /Part 3 is named "a", as part 2 was/,
  },
  {
    name: 'another digest',
    status: 400,
    error: 'content_md5_mismatch',
    doc: { _attachments: { a: follows(3, { digest: md5('b') }) } },
    parts: [{ body: 'aaa' }],
    reason: /"a" \(part 2\).*digest/,
  },
  {
    name: 'no gzip',
    ...bad,
    doc: { _attachments: { a: follows(9, gzip) } },
    parts: [{ body: 'aaa' }],
    reason: /"a" \(part 2\) is not valid gzip/,
  },
  {
    name: 'half a gzip',
    ...bad,
    doc: { _attachments: { a: follows(9, { ...gzip, encoded_length: 15 }) } },
    parts: [{ body: gzipSync('text').subarray(0, 15) }],
    reason: /"a" \(part 2\) is not valid gzip/,
  },
  {
    name: 'an unknown encoding',
    status: 415,
    error: 'bad_content_type',
    doc: { _attachments: { a: follows(3, { encoding: 'zip' }) } },
    parts: [{ body: 'aaa' }],
    reason: /"a" \(part 2\).*zip/,
  },
  {
    name: 'an encoding that is no text',
    status: 400,
    error: 'doc_validation',
    doc: { _attachments: { a: follows(3, { encoding: 1 }) } },
    parts: [{ body: 'aaa' }],
    reason: /"encoding" of attachment "a"/,
  },
  {
    name: 'an encoding that only the part has',
    ...bad,
    doc: two,
    parts: [{ headers: ['Content-Encoding: gzip'], body: 'aaa' }],
    reason: /"a" \(part 2\) has Content-Encoding gzip, but/,
  },
  {
    name: 'a transfer encoding',
    status: 415,
    error: 'bad_content_type',
    doc: two,
    parts: [{ headers: ['Content-Transfer-Encoding: base64'], body: 'aaa' }],
    reason: /Content-Transfer-Encoding/,
  },
  {
    name: 'a length that is none',
    status: 400,
    error: 'doc_validation',
    doc: { _attachments: { a: follows(-1) } },
    reason: /"length" of attachment "a"/,
  },
  {
    name: 'no attachments',
    status: 400,
    error: 'doc_validation',
    doc: { _attachments: [follows(1)] },
    reason: /_attachments/,
  },
  {
    name: 'follows that is not true',
    status: 400,
    error: 'doc_validation',
    doc: { _attachments: { a: { follows: 'yes' } } },
    reason: /"a"/,
  },
  {
    name: 'a name that is prohibited',
    ...bad,
    doc: { _attachments: { _a: follows(1) } },
    parts: [{ body: 'a' }],
    reason: /"_a"/,
  },
  {
    name: 'an attachment that says it is too large',
    status: 413,
    error: 'attachment_too_large',
    doc: { _attachments: { a: follows(4 * MIB + 1) } },
    reason: /"a"/,
  },
  {
    name: 'one that is too large',
    status: 413,
    error: 'attachment_too_large',
    doc: { _attachments: { b: follows(3), a: { follows: true } } },
    parts: [{ body: 'bbb' }, { body: large }],
    reason: /"a"/,
  },
  {
    name: 'one that is too large unpacked',
    status: 413,
    error: 'attachment_too_large',
    doc: { _attachments: { a: follows(3, { encoding: 'gzip', encoded_length: gzipSync(large).length }) } },
    parts: [{ body: gzipSync(large) }],
    reason: /"a"/,
  },
  {
    name: 'a document that is too large',
    status: 413,
    error: 'document_too_large',
    doc: { a: 'x'.repeat(100_000) },
    reason: /larger than/,
  },
  {
    name: 'too many attachments',
    status: 413,
    error: 'document_too_large',
    doc: { _attachments: Object.fromEntries(Array.from({ length: 300 }, (_, n) => [n, follows(1)])) },
    reason: /larger than/,
  },
  {
    name: 'a first part without an end',
    status: 413,
    error: 'too_large',
    body: multipart([{ headers: [JSON_TYPE], body: Buffer.alloc(7 * MIB, ' ') }]),
    reason: /Part 1, the document, is larger/,
  },
  {
    name: 'another rev in the query',
    ...bad,
    path: '/doc?rev=1-b',
    doc: { _rev: '1-a' },
    reason: /different values/,
  },
  { name: 'a replicated one without a rev', ...bad, path: '/doc?new_edits=false', doc: {}, reason: /_rev/ },
  {
    name: 'a local document',
    ...bad,
    path: '/_local%2Fdoc',
    doc: {},
    reason: /_local documents do not accept attachments/,
  },
  {
    name: 'a body that is cut off',
    ...bad,
    body: multipart([json]).subarray(0, -2),
    reason: /within part 1/,
  },
  {
    name: 'a packed body that is none',
    ...bad,
    body: multipart([json]),
    headers: { 'Content-Encoding': 'gzip' },
    reason: /body is not valid gzip/,
  },
  {
    name: 'parts that unpack to too much together',
    status: 413,
    error: 'too_large',
    doc: {
      _attachments: Object.fromEntries(
        manyPacked.map(name => [name, follows(4 * MIB, { encoding: 'gzip', encoded_length: packed.length })]),
      ),
    },
    parts: manyPacked.map(() => ({ body: packed })),
    reason: /"f16".*unpacks to more than 200 times its size/,
  },
]
