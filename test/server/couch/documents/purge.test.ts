import t from 'tap'
import { adminDatabase, httpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)

t.test('each document asked for is in the answer, with what is forgotten', async t => {
  const database = await adminDatabase(server, 'purged')
  const first = (await database.put('/a', { n: 1 })).json.rev
  const second = (await database.put(`/a?rev=${first}`, { n: 2 })).json.rev
  const other = (await database.put('/b', {})).json.rev
  const answer = await database.post('/_purge', { a: [second, first], b: ['1-x'], never: [first] })
  t.match(answer, { status: 201 })
  t.same(answer.json, { purge_seq: null, purged: { a: [second], b: [], never: [] } })
  t.match(await database.get('/a'), { status: 404, json: { reason: 'missing' } })
  t.match(await database.get(''), { json: { doc_count: 1, doc_del_count: 0, purge_seq: 1 } })
  t.same(
    (await database.get('/_changes')).json.results.map(({ id }: { id: string }) => id),
    ['b'],
  )
  t.match(await database.put('/a', { n: 1 }), { status: 201, json: { rev: first } })
  t.match(await database.post('/_purge', { b: [other] }), { json: { purged: { b: [other] } } })
})

t.test('of a conflict one side is forgotten', async t => {
  const database = await adminDatabase(server, 'conflict')
  const docs = ['b', 'c'].map(sig => ({
    _id: 'a',
    _rev: `2-${sig}`,
    _revisions: { start: 2, ids: [sig, 'a'] },
    sig,
  }))
  await database.post('/_bulk_docs', { docs, new_edits: false })
  await database.post('/_purge', { a: ['2-c'] })
  t.match((await database.get('/a?conflicts=true')).json, { sig: 'b', _conflicts: undefined })
  t.match((await database.get('/_changes')).json, { results: [{ id: 'a', changes: [{ rev: '2-b' }] }] })
})

t.test('what is no map of lists of revs is refused', async t => {
  const database = await adminDatabase(server, 'refused')
  for (const body of ['[]', 'null', '1', '{"a":"1-x"}', '{"a":null}', '{"a":["x"]}', '{"a":[1]}', '{']) {
    t.match(await database.post('/_purge', body), { status: 400, json: { error: 'bad_request' } }, body)
  }
  const many = Array.from({ length: 1000 }, (_, n) => `1-${n}`)
  t.match(await database.post('/_purge', { a: many }), { status: 400, json: { reason: /maximum/ } })
  t.match(await database.post('/_purge', {}), { status: 201, json: { purged: {} } })
  const headers = { 'Content-Type': 'text/plain' }
  t.equal((await database.send('POST', '/_purge', { body: '{}', headers })).status, 415)
})

t.test('only admins purge', async t => {
  const user = httpClient(`${server.url}/me`, server.bearer('anna'))
  const { rev } = (await user.put('/a', {})).json
  t.match(await user.post('/_purge', { a: [rev] }), { status: 403 })
  t.equal((await user.get('/a')).status, 200)
})
