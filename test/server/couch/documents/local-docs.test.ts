import t from 'tap'
import { adminDatabase } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)
/** What clients make of md5 and base64, and slashes that are encoded and not. */
const NAMES = ['a.b_c==', 'x+y%3D', 'with%2Fslash', 'with/bare/slash', '%C3%A9'] as const

t.test('a replication log from its first rev to its last', async t => {
  const database = await adminDatabase(server, 'life')
  for (const name of NAMES) {
    const path = `/_local/${name}`
    const id = `_local/${decodeURIComponent(name)}`
    t.match(await database.put(path, { _id: id, seq: 1 }), {
      status: 201,
      json: { ok: true, id, rev: '0-1' },
    })
    t.match(
      await database.put(path, { seq: 2 }),
      { status: 409, json: { error: 'conflict' } },
      'without its rev',
    )
    t.match((await database.put(path, { _rev: '0-1', seq: 2 })).json, { ok: true, rev: '0-2' })
    t.strictSame((await database.get(path)).json, { _id: id, _rev: '0-2', seq: 2 })
    t.match(await database.delete(path), { status: 409 })
    t.match((await database.delete(`${path}?rev=0-2`)).json, { ok: true, id })
  }
  t.match(await database.get('/_local/none'), {
    status: 404,
    json: { error: 'not_found', reason: 'missing' },
  })
  t.match(await database.delete('/_local/none?rev=0-1'), { status: 404 })
  t.match(await database.put('/_local/x', { _rev: '1-abc' }), { status: 400 })
  t.match((await database.get('/_changes')).json, { results: [] })
})

t.test('the encoded form of the whole id is the same document', async t => {
  const database = await adminDatabase(server, 'encoded')
  await database.put('/_local%2Fx', { v: 1 })
  t.match((await database.get('/_local/x')).json, { _id: '_local/x', v: 1 })
  t.match((await database.post('', { _id: '_local/y' })).json, { ok: true, id: '_local/y', rev: '0-1' })
  t.match((await database.delete('/_local%2Fx?rev=0-1')).json, { ok: true })
})

t.test('a replication log under a name with slashes is looked for, made and found again', async t => {
  const database = await adminDatabase(server, 'slashes')
  const id = '_local/rx-replication/sX3k+Jc1/9dQm0aT5bZ==/checkpoint'
  const path = `/_local/${encodeURIComponent(id.slice(7))}`
  const missing = { status: 404, json: { error: 'not_found', reason: 'missing' } }
  t.match(await database.get(path), missing)
  t.match(await database.delete(`${path}?rev=0-1`), missing)
  t.match(await database.put(path, { last_seq: '7-x' }), { status: 201, json: { id, rev: '0-1' } })
  t.strictSame((await database.get(path)).json, { _id: id, _rev: '0-1', last_seq: '7-x' })
  t.match((await database.get(`/${id}`)).json, { _id: id }, 'found without the encoding too')
})

t.test('local docs are listed by id', async t => {
  const database = await adminDatabase(server, 'list')
  for (const name of ['a', 'b', 'c']) await database.put(`/_local/${name}`, { name })
  const { rows } = (await database.get('/_local_docs?include_docs=true&startkey="_local/b"')).json
  t.match(rows, [
    { id: '_local/b', key: '_local/b', value: { rev: '0-1' }, doc: { _id: '_local/b', name: 'b' } },
    { id: '_local/c' },
  ])
})

t.test('a list of large local docs comes whole, though the store reads few at once', async t => {
  const database = await adminDatabase(server, 'large')
  const ids = ['a', 'b', 'c', 'd'].map(name => `_local/${name}`)
  for (const id of ids) await database.put(`/${id}`, { text: 'x'.repeat(2 * 1024 * 1024) })
  for (const query of ['', '?include_docs=true', '?include_docs=true&descending=true']) {
    const { rows } = (await database.get(`/_local_docs${query}`)).json
    const listed = rows.map((row: { id: string }) => row.id)
    t.strictSame(listed, query.includes('descending') ? [...ids].reverse() : ids, query)
    t.equal(rows[0].doc?.text.length, query === '' ? undefined : 2 * 1024 * 1024)
  }
  t.strictSame((await database.get('/_local_docs?skip=1&limit=2')).json.rows.length, 2)
  t.strictSame((await database.get('/_local_docs?startkey={}')).json.rows, [])
})
