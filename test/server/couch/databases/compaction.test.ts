import t from 'tap'
import { eventually } from '../../../fixtures/eventually.ts'
import { adminDatabase, httpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)

t.test('compaction is asked for, runs on, and old bodies are gone', async t => {
  const database = await adminDatabase(server, 'compacted')
  const first = (await database.put('/a', { n: 1 })).json.rev
  const second = (await database.put(`/a?rev=${first}`, { n: 2 })).json.rev
  t.match(await database.post('/_compact', {}), { status: 202, json: { ok: true } })
  await eventually(async () => !(await database.get('')).json.compact_running, 'the end')
  t.match(await database.get(`/a?rev=${first}`), {
    status: 404,
    json: { error: 'not_found', reason: 'missing' },
  })
  t.match(await database.get('/a?revs_info=true'), {
    json: {
      n: 2,
      _revs_info: [
        { rev: second, status: 'available' },
        { rev: first, status: 'missing' },
      ],
    },
  })
  t.same((await database.get(`/a?open_revs=["${first}"]`)).json, [{ missing: first }])
})

t.test('who has been answered sees that it runs, until it has come to its end', async t => {
  const database = await adminDatabase(server, 'running')
  const revs: string[] = []
  for (let n = 0; n < 3; n++) {
    const docs = Array.from({ length: 500 }, (_, id) => ({ _id: `${id}`, _rev: revs[id], n }))
    const written = (await database.post('/_bulk_docs', { docs })).json
    revs.splice(0, revs.length, ...written.map(({ rev }: { rev: string }) => rev))
  }
  await database.post('/_compact', {})
  await eventually(async () => !(await database.get('')).json.compact_running, 'the end')
  t.match((await database.get('')).json, { sizes: { file: 500 * '{"n":2}'.length } })
})

t.test('compaction of views tells whether there is such a design document', async t => {
  const database = await adminDatabase(server, 'views')
  t.match(await database.post('/_compact/things', {}), { status: 404, json: { reason: 'missing' } })
  const { rev } = (await database.put('/_design/things', {})).json
  t.match(await database.post('/_compact/things', {}), { status: 202, json: { ok: true } })
  await database.delete(`/_design/things?rev=${rev}`)
  t.match(await database.post('/_compact/things', {}), { status: 404, json: { reason: 'deleted' } })
  t.match(await database.post('/_view_cleanup', {}), { status: 202, json: { ok: true } })
})

t.test('a form cannot ask for it, nor can a user', async t => {
  const database = await adminDatabase(server, 'refused')
  const headers = { 'Content-Type': 'text/plain' }
  t.equal((await database.send('POST', '/_compact', { body: '', headers })).status, 415)
  const user = httpClient(`${server.url}/me`, server.bearer('anna'))
  t.equal((await user.get('')).status, 200)
  for (const path of ['/_compact', '/_compact/x', '/_view_cleanup']) {
    t.match(await user.post(path, {}), { status: 403 }, path)
  }
  t.match(await user.put('/_revs_limit', 1), { status: 403 })
})

t.test('the revs limit is a number that is read and set', async t => {
  const database = await adminDatabase(server, 'limited')
  t.match(await database.get('/_revs_limit'), { status: 200, text: '1000\n' })
  t.match(await database.put('/_revs_limit', 2), { status: 200, json: { ok: true } })
  t.match(await database.get('/_revs_limit'), { text: '2\n' })
  let rev = (await database.put('/a', {})).json.rev
  for (let n = 2; n < 6; n++) rev = (await database.put(`/a?rev=${rev}`, { n })).json.rev
  t.equal((await database.get('/a?revs=true')).json._revisions.ids.length, 2)
  for (const body of ['0', '-1', '1.5', '"5"', 'null', '{}', '[]', '1e300']) {
    const answer = await database.put('/_revs_limit', body)
    t.match(answer, { status: 400, json: { error: 'bad_request', reason: /`revs_limit`/ } }, body)
  }
  t.match(await database.put('/_revs_limit', 'x'), { status: 400 })
  t.match(await database.get('/_revs_limit'), { text: '2\n' })
})
