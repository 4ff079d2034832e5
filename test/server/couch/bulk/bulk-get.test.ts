import t from 'tap'
import { adminDatabase } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)

t.test('one result for each row, in their order, with errors inside', async t => {
  const database = await adminDatabase(server, 'rows')
  const docs = [
    { _id: 'a', v: 1, _rev: '1-x' },
    { _id: 'a', v: 2, _revisions: { start: 2, ids: ['a', 'x'] } },
    { _id: 'a', v: 3, _revisions: { start: 2, ids: ['b', 'x'] } },
    { _id: 'gone', _deleted: true, _rev: '1-x' },
  ]
  await database.post('/_bulk_docs', { docs, new_edits: false })
  const asked = [
    { id: 'a', rev: '2-a' },
    { id: 'none', rev: '1-x' },
    { id: 'a', rev: '9-x' },
    { id: 'a' },
    { id: 'gone', rev: '1-x' },
    { rev: '1-x' },
    { id: 'a', rev: 'rubbish' },
    { id: 'a', rev: '2-a' },
    null,
  ]
  const { status, json } = await database.post('/_bulk_get?revs=true', { docs: asked })
  t.equal(status, 200)
  const missing = { error: 'not_found', reason: 'missing' }
  const ok = { _id: 'a', _rev: '2-a', v: 2, _revisions: { start: 2, ids: ['a', 'x'] } }
  t.strictSame(json.results.slice(0, 3), [
    { id: 'a', docs: [{ ok }] },
    { id: 'none', docs: [{ error: { id: 'none', rev: '1-x', ...missing } }] },
    { id: 'a', docs: [{ error: { id: 'a', rev: '9-x', ...missing } }] },
  ])
  t.match(json.results.slice(3), [
    { id: 'a', docs: [{ ok: { _rev: '2-b' } }] },
    { id: 'gone', docs: [{ ok: { _id: 'gone', _deleted: true } }] },
    { docs: [{ error: { error: 'bad_request' } }] },
    { id: 'a', docs: [{ error: { id: 'a', rev: 'rubbish', error: 'bad_request' } }] },
    { id: 'a', docs: [{ ok }] },
    { docs: [{ error: { error: 'bad_request' } }] },
  ])
  t.equal(json.results.length, asked.length)

  const latest = await database.post('/_bulk_get?latest=true', { docs: [{ id: 'a', rev: '1-x' }] })
  t.match(latest.json.results, [{ id: 'a', docs: [{ ok: { _rev: '2-b' } }, { ok: { _rev: '2-a' } }] }])
})

t.test('what is no rev is not repeated where it may be nested deep', async t => {
  const database = await adminDatabase(server, 'deep')
  const deep = '['.repeat(40_000) + ']'.repeat(40_000)
  const { status, json } = await database.post(
    '/_bulk_get',
    `{"docs":[{"id":"x","rev":${deep}},{"id":${deep}},{"rev":${deep}},${deep},{"id":"x","rev":7}]}`,
  )
  t.equal(status, 200)
  const refused = { error: 'bad_request', rev: 'undefined' }
  t.match(
    json.results.map((row: { docs: readonly { error: unknown }[] }) => row.docs[0]?.error),
    [refused, refused, refused, refused, { error: 'bad_request', rev: 7 }],
  )
})

t.test('a probe and a body without docs', async t => {
  const database = await adminDatabase(server, 'refused')
  t.match(await database.get('/_bulk_get'), { status: 405, json: { error: 'method_not_allowed' } })
  for (const body of [{}, { docs: {} }, []]) {
    const reply = await database.post('/_bulk_get', body)
    t.match(reply, { status: 400, json: { error: 'bad_request', reason: "Missing JSON list of 'docs'." } })
  }
  t.strictSame((await database.post('/_bulk_get', { docs: [] })).json, { results: [] })
})

t.test('attachments are stubs, and with attachments=true their bytes', async t => {
  const database = await adminDatabase(server, 'attachments')
  const data = Buffer.alloc(200_000, 'photo').toString('base64')
  await database.put('/a', { _attachments: { f: { data }, g: { data: '' } } })
  const asked = { docs: [{ id: 'a' }, { id: 'a' }] }
  const stubs = (await database.post('/_bulk_get', asked)).json.results
  t.match(stubs[1].docs[0].ok._attachments.f, { stub: true, length: 200_000 })
  const whole = (await database.post('/_bulk_get?attachments=true', asked)).json.results
  t.strictSame(whole[1].docs[0].ok._attachments.f.data, data)
  t.strictSame(whole[1].docs[0].ok._attachments.g.data, '')
})

t.test('without a rev all leaves, as from CouchDB', async t => {
  const database = await adminDatabase(server, 'leaves')
  const docs = ['b', 'a'].map(id => ({ _id: 'a', _revisions: { start: 2, ids: [id, 'x'] } }))
  await database.post('/_bulk_docs', { docs, new_edits: false })
  const { results } = (await database.post('/_bulk_get', { docs: [{ id: 'a' }] })).json
  t.match(results, [{ id: 'a', docs: [{ ok: { _rev: '2-b' } }, { ok: { _rev: '2-a' } }] }])
  t.equal(results[0].docs.length, 2)
})

t.test('a row says which attachments it has, and is sent the others', async t => {
  const database = await adminDatabase(server, 'since')
  const { json } = await database.put('/a', { _attachments: { f: { data: 'Zg==' } } })
  const g = { f: { stub: true }, g: { data: 'Zw==' } }
  await database.put(`/a?rev=${json.rev}`, { _attachments: g })
  const asked = { docs: [{ id: 'a', atts_since: [json.rev] }] }
  const first = async (path: string) => (await database.post(path, asked)).json.results[0].docs[0].ok
  t.match((await first('/_bulk_get'))._attachments, g)
  t.match((await first('/_bulk_get?attachments=false'))._attachments, {
    f: { stub: true },
    g: { stub: true },
  })
})
