import t from 'tap'
import {
  interactiveEdit,
  rawDoc,
  readDoc,
  replicatedEdit,
} from '../../../../server/couch/content/doc-input.ts'
import { CouchError } from '../../../../server/couch-error.ts'

const LIMITS = { maxDocumentBytes: 2000, maxAttachmentBytes: 100 }

type Refusal = { readonly name: string; readonly doc: string; readonly word: string; readonly reason: RegExp }

/** From text, as it comes over the wire: a literal's `__proto__` would be no member. */
function read(text: string) {
  const doc = rawDoc(JSON.parse(text))
  return readDoc(doc, (doc._id ?? 'made') as string, LIMITS)
}

const REFUSALS: readonly Refusal[] = [
  { name: 'a list', doc: '[]', word: 'bad_request', reason: /must be a JSON object/ },
  { name: 'null', doc: 'null', word: 'bad_request', reason: /must be a JSON object/ },
  { name: 'a number as id', doc: '{"_id":1}', word: 'illegal_docid', reason: /must be a string/ },
  { name: 'an empty id', doc: '{"_id":""}', word: 'illegal_docid', reason: /must not be empty/ },
  { name: 'a reserved id', doc: '{"_id":"_a"}', word: 'illegal_docid', reason: /may start with underscore/ },
  { name: 'half a character', doc: '{"_id":"\\ud800"}', word: 'illegal_docid', reason: /UTF-8/ },
  { name: 'a nameless design doc', doc: '{"_id":"_design/"}', word: 'illegal_docid', reason: /_design/ },
  { name: 'an unknown member', doc: '{"_id":"a","_x":1}', word: 'doc_validation', reason: /member: _x$/ },
  { name: 'a rev that is none', doc: '{"_id":"a","_rev":"x"}', word: 'bad_request', reason: /Invalid rev/ },
  { name: 'a rev as number', doc: '{"_id":"a","_rev":1}', word: 'bad_request', reason: /Invalid rev/ },
  { name: 'deleted as text', doc: '{"_id":"a","_deleted":"no"}', word: 'doc_validation', reason: /_deleted/ },
  {
    name: 'revisions without ids',
    doc: '{"_id":"a","_revisions":{"start":1}}',
    word: 'doc_validation',
    reason: /ids/,
  },
  {
    name: 'revisions as null',
    doc: '{"_id":"a","_revisions":null}',
    word: 'doc_validation',
    reason: /start/,
  },
  {
    name: 'more revs than generations',
    doc: '{"_id":"a","_revisions":{"start":1,"ids":["a","b"]}}',
    word: 'doc_validation',
    reason: /path/,
  },
  {
    name: 'a generation that cannot be counted on from',
    doc: '{"_id":"a","_revisions":{"start":9007199254740991,"ids":["a"]}}',
    word: 'doc_validation',
    reason: /path/,
  },
  {
    name: 'a rev that would break the text',
    doc: '{"_id":"a","_revisions":{"start":1,"ids":["\\""]}}',
    word: 'doc_validation',
    reason: /path/,
  },
  {
    name: 'a body over the limit',
    doc: `{"_id":"a","x":"${'é'.repeat(1000)}"}`,
    word: 'document_too_large',
    reason: /"a" is larger than 2000 bytes/,
  },
  {
    name: 'a body too deep',
    doc: `{"_id":"a","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    word: 'bad_request',
    reason: /too deeply/,
  },
]

/** Each is the value of one attachment named `f`. */
const ATTACHMENT_REFUSALS: readonly Refusal[] = [
  { name: 'a number as data', doc: '{"data":5}', word: 'bad_request', reason: /"f"/ },
  { name: 'no base64', doc: '{"data":"日本語"}', word: 'bad_request', reason: /"f"/ },
  { name: 'half a base64', doc: '{"data":"a"}', word: 'bad_request', reason: /"f"/ },
  { name: 'null', doc: 'null', word: 'doc_validation', reason: /"f"/ },
  { name: 'neither data nor stub', doc: '{}', word: 'doc_validation', reason: /"data" or be a stub/ },
  { name: 'a part that cannot follow', doc: '{"follows":true}', word: 'bad_request', reason: /follows/ },
  {
    name: 'a stub with a bad digest',
    doc: '{"stub":true,"digest":7}',
    word: 'doc_validation',
    reason: /digest/,
  },
  { name: 'a bad revpos', doc: '{"stub":true,"revpos":-1}', word: 'doc_validation', reason: /revpos/ },
  { name: 'a bad type', doc: '{"content_type":1,"data":""}', word: 'doc_validation', reason: /content_type/ },
  {
    name: 'bytes over the limit',
    doc: `{"data":"${Buffer.alloc(101).toString('base64')}"}`,
    word: 'attachment_too_large',
    reason: /"f" is larger than 100 bytes/,
  },
]

function refusalOf(text: string): CouchError {
  try {
    read(text)
  } catch (error) {
    if (error instanceof CouchError) return error
    throw error
  }
  throw new Error(`accepted: ${text}`)
}

t.test('what is no document is refused with the member named', async t => {
  const attachments = ATTACHMENT_REFUSALS.map(({ doc, ...rest }) => ({
    ...rest,
    doc: `{"_id":"a","_attachments":{"f":${doc}}}`,
  }))
  for (const { name, doc, word, reason } of [...REFUSALS, ...attachments]) {
    const refusal = refusalOf(doc)
    t.equal(refusal.word, word, name)
    t.match(refusal.message, reason, name)
  }
})

t.test('the body is the document without its underscore members', async t => {
  const doc = read('{"_id":"a","_rev":"1-x","b":[1,"é"],"_conflicts":["1-y"],"c":{"_d":1},"_revs_info":[]}')
  t.equal(doc.body, '{"b":[1,"é"],"c":{"_d":1}}')
  t.equal(doc.rev, '1-x')
})

t.test('a member named __proto__ is data', async t => {
  const doc = read('{"_id":"a","x":{"__proto__":{"evil":1}},"__proto__":{"evil":2}}')
  t.equal(doc.body, '{"x":{"__proto__":{"evil":1}},"__proto__":{"evil":2}}')
  t.notOk('evil' in {}, 'no prototype was touched')
})

t.test('attachments come with their bytes, stubs with what they claim', async t => {
  const doc = read(
    '{"_id":"a","_attachments":{"f":{"content_type":"text/plain","data":"aGVs\\nbG8="},"g":{"stub":true,"revpos":2,"digest":"md5-x=="}}}',
  )
  t.equal(Buffer.from(doc.attachments?.[0]?.data ?? []).toString(), 'hello')
  t.match(doc.attachments?.[1], { name: 'g', digest: 'md5-x==', revpos: 2, data: undefined })
})

t.test('attachments without bytes count too, with their names and types', async t => {
  const attachments = (count: number, type = '') =>
    `{"_id":"a","_attachments":{${Array.from({ length: count }, (_, i) => `"${i}":{"data":"","content_type":"${type}"}`)}}}`
  t.equal(read(attachments(3)).attachments?.length, 3)
  t.match(refusalOf(attachments(4)), { word: 'document_too_large' })
  t.match(refusalOf(attachments(2, 'x'.repeat(500))), { word: 'document_too_large' })
})

t.test('an interactive edit stands on its rev, a replicated one on its path', async t => {
  const input = read('{"_id":"a","_rev":"2-b","_revisions":{"start":2,"ids":["b","a"]}}')
  t.match(interactiveEdit(input), { kind: 'interactive', parent: '2-b' })
  t.match(replicatedEdit(input), { kind: 'replicated', revisions: { start: 2, ids: ['b', 'a'] } })
  t.match(replicatedEdit(read('{"_id":"a","_rev":"3-c"}')), { revisions: { start: 3, ids: ['c'] } })
  t.match(replicatedEdit(read('{"_id":"a","_rev":"3-"}')), { revisions: { start: 3, ids: [''] } })
  t.throws(() => replicatedEdit(read('{"_id":"a"}')), /needs `_rev` or `_revisions`/)
})

t.test('whatever revision is brought, others can build on it', async t => {
  const brought = (pos: string) => replicatedEdit(read(`{"_id":"a","_rev":"${pos}-x"}`))
  const path = (pos: string) => replicatedEdit(read(`{"_id":"a","_revisions":{"start":${pos},"ids":["x"]}}`))
  const next = '100000000000000'
  t.match(brought('99999999999999'), { revisions: { start: 99_999_999_999_999 } })
  t.match(interactiveEdit(read(`{"_id":"a","_rev":"${next}-x"}`)), { parent: `${next}-x` })
  for (const pos of [next, '999999999999999']) {
    t.throws(() => brought(pos), { word: 'doc_validation', message: /_rev/ })
    t.throws(() => path(pos), { word: 'doc_validation', message: /_rev/ })
  }
})
