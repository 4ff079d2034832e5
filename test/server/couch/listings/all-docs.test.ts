import t from 'tap'
import { adminDatabase, type HttpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)

/** a to e; d deleted, b with a conflict. */
async function fill(database: HttpClient): Promise<void> {
  const docs = [
    ...['a', 'b', 'c', 'd', 'e'].map(_id => ({ _id, _rev: '1-x', v: _id })),
    { _id: 'b', v: 'loser', _rev: '1-a' },
    { _id: 'd', _deleted: true, was: 'd', _revisions: { start: 2, ids: ['y', 'x'] } },
  ]
  t.strictSame((await database.post('/_bulk_docs', { docs, new_edits: false })).json, [])
}

type Case = { readonly query: string; readonly ids: string; readonly offset?: number | null }
const CASES: readonly Case[] = [
  { query: '', ids: 'a b c e', offset: 0 },
  { query: 'startkey="b"', ids: 'b c e', offset: 1 },
  { query: 'start_key="b"&end_key="c"', ids: 'b c' },
  { query: 'startkey="b"&endkey="e"&inclusive_end=false', ids: 'b c' },
  { query: 'key="c"', ids: 'c', offset: 2 },
  { query: 'key="d"', ids: '' },
  { query: 'limit=2', ids: 'a b' },
  { query: 'limit=0', ids: '' },
  { query: 'skip=1&limit=2', ids: 'b c', offset: 1 },
  { query: 'skip=10', ids: '', offset: 4 },
  { query: 'descending=true', ids: 'e c b a', offset: 0 },
  { query: 'descending=true&startkey="c"&endkey="a"&inclusive_end=false', ids: 'c b', offset: 1 },
  { query: 'startkey=null&endkey={}', ids: 'a b c e' },
  { query: 'startkey={}', ids: '' },
  { query: 'endkey=5', ids: '' },
  { query: 'key=null', ids: '', offset: 0 },
  { query: 'startkey=null', ids: 'a b c e' },
  { query: 'startkey="b"&endkey="a"', ids: '' },
  { query: 'keys=["c","a"]', ids: 'c a', offset: null },
  { query: 'keys=["c","a","e"]&skip=1&limit=1&descending=true', ids: 'a', offset: null },
]

t.test('ranges and pages of ids', async t => {
  const database = await adminDatabase(server, 'ranges')
  await fill(database)
  for (const { query, ids, offset } of CASES) {
    const { json } = await database.get(`/_all_docs?${query}`)
    t.equal(json.rows.map((row: { id: string }) => row.id).join(' '), ids, query)
    t.equal(json.total_rows, 4, query)
    if (offset !== undefined) t.equal(json.offset, offset, query)
  }
})

t.test('a page from the middle of a large database does not count what stands before it', async t => {
  const database = await adminDatabase(server, 'counted')
  const docs = Array.from({ length: 10_002 }, (_, n) => ({ _id: `a:${String(n).padStart(5, '0')}` }))
  t.equal((await database.post('/_bulk_docs', { docs })).status, 201)
  for (const [query, offset] of [
    ['startkey="a:10000"', 10_000],
    ['startkey="a:10001"', null],
    ['startkey="a:00001"&descending=true', 10_000],
    ['startkey="a:00000"&descending=true', null],
  ] as const) {
    const { json } = await database.get(`/_all_docs?limit=1&${query}`)
    t.match(json, { offset, total_rows: 10_002, rows: { length: 1 } }, query)
    t.equal(json.offset, offset, query)
  }
})

t.test('rows with and without their documents', async t => {
  const database = await adminDatabase(server, 'rows')
  await fill(database)
  const { rows } = (await database.get('/_all_docs?limit=1')).json
  t.strictSame(rows, [{ id: 'a', key: 'a', value: { rev: '1-x' } }])
  const whole = (await database.get('/_all_docs?include_docs=true&conflicts=true&key="b"')).json.rows
  t.strictSame(whole[0].doc, { _id: 'b', _rev: '1-x', _conflicts: ['1-a'], v: 'b' })
  t.match((await database.get('/_all_docs?update_seq=true&limit=0')).json, { update_seq: /^7-/, rows: [] })
})

t.test('named documents, in the body or as bare JSON in the query', async t => {
  const database = await adminDatabase(server, 'keys')
  await fill(database)
  const expected = [
    { id: 'd', key: 'd', value: { rev: '2-y', deleted: true }, doc: null },
    { key: 'none', error: 'not_found' },
    { key: 7, error: 'not_found' },
    { id: 'a', key: 'a', value: { rev: '1-x' }, doc: { _id: 'a', _rev: '1-x', v: 'a' } },
  ]
  const keys = ['d', 'none', 7, 'a']
  const posted = await database.post('/_all_docs?include_docs=true', { keys })
  t.strictSame(posted.json.rows, expected)
  const bare = await database.get(`/_all_docs?include_docs=true&keys=${JSON.stringify(keys)}`)
  t.strictSame(bare.json.rows, expected)
})

t.test('RxDB sees the tombstone it asks for', async t => {
  const database = await adminDatabase(server, 'rxdb')
  await fill(database)
  const { json } = await database.post('/_all_docs', { keys: ['d', 'a'], include_docs: true, deleted: 'ok' })
  t.strictSame(
    json.rows.map((row: { doc: unknown }) => row.doc),
    [
      { _id: 'd', _rev: '2-y', _deleted: true, was: 'd' },
      { _id: 'a', _rev: '1-x', v: 'a' },
    ],
  )
})

t.test('several listings at once', async t => {
  const database = await adminDatabase(server, 'queries')
  await fill(database)
  const { json } = await database.post('/_all_docs/queries', {
    queries: [{ keys: ['a'] }, { start_key: 'c', limit: 1, include_docs: true }],
  })
  t.match(json.results, [{ rows: [{ id: 'a' }] }, { rows: [{ id: 'c', doc: { v: 'c' } }] }])
})

t.test('a thousand queries are answered, more are refused', async t => {
  const database = await adminDatabase(server, 'count')
  const queries = Array.from({ length: 1000 }, () => ({ limit: 1 }))
  t.equal((await database.post('/_all_docs/queries', { queries })).json.results.length, 1000)
  t.match(await database.post('/_all_docs/queries', { queries: [...queries, 1] }), {
    status: 400,
    json: { reason: /"queries".*1000/ },
  })
  t.match(await database.post('/_all_docs/queries', { queries: [{}, { limit: -1 }] }), {
    status: 400,
    json: { reason: /"queries.1.limit"/ },
  })
})

t.test('what cannot be answered is refused by name', async t => {
  const database = await adminDatabase(server, 'refused')
  t.match(await database.get('/_all_docs?startkey=b'), { status: 400, json: { reason: /"startkey".*JSON/ } })
  t.match(await database.get('/_all_docs?limit=-1'), { status: 400, json: { reason: /"limit"/ } })
  t.match(await database.get('/_all_docs?keys="a"'), { status: 400, json: { reason: /"keys"/ } })
  t.match(await database.post('/_all_docs', { keys: 'a' }), { status: 400, json: { reason: /keys/ } })
  t.match(await database.post('/_all_docs?key="a"', { keys: ['a'] }), {
    status: 400,
    json: { reason: /incompatible/ },
  })
  const keys = ['a', null, 7, []]
  const nested = { status: 400, json: { error: 'query_parse_error', reason: /keys\[3\]/ } }
  t.match(await database.post('/_all_docs', { keys }), nested)
  t.match(await database.get(`/_all_docs?keys=${JSON.stringify(keys)}`), nested)
})

/** A list in a list in a list. */
function deepList(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

t.test('a key nested deep is refused', async t => {
  const database = await adminDatabase(server, 'deep')
  const refused = { status: 400, json: { reason: /keys\[0\]/ } }
  t.match(await database.post('/_all_docs', `{"keys":[${deepList(100_000)}]}`), refused)
  t.match(await database.get(`/_all_docs?keys=[${deepList(6000)}]`), refused)
  t.match(await database.post('/_all_docs', `{"startkey":${deepList(100_000)}}`), { status: 200 })
})

t.test('a listing of thousands comes in pages without a break', async t => {
  const database = await adminDatabase(server, 'many')
  const ids = Array.from({ length: 3500 }, (_, i) => `doc-${String(i).padStart(4, '0')}`)
  await database.post('/_bulk_docs', { docs: ids.map(_id => ({ _id, text: 'x'.repeat(500) })) })
  for (const query of ['', 'include_docs=true', 'descending=true&include_docs=true']) {
    const { rows } = (await database.get(`/_all_docs?${query}`)).json
    const listed = rows.map((row: { id: string }) => row.id)
    t.strictSame(listed, query.includes('descending') ? [...ids].reverse() : ids, query)
  }
  t.equal((await database.get('/_all_docs?limit=2345&skip=7')).json.rows.length, 2345)
})

t.test('a document that fills a page of its own is no end of the listing', async t => {
  const database = await adminDatabase(server, 'large')
  for (const id of ['a', 'b', 'c']) await database.put(`/${id}`, { text: 'x'.repeat(2 * 1024 * 1024) })
  const { rows } = (await database.get('/_all_docs?include_docs=true')).json
  t.strictSame(
    rows.map((row: { id: string }) => row.id),
    ['a', 'b', 'c'],
  )
})
