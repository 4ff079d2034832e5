import t from 'tap'
import { adminDatabase } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)

t.test('what is missing here, and what it may be built on', async t => {
  const database = await adminDatabase(server, 'diff')
  const docs = [{ _id: 'a', _revisions: { start: 2, ids: ['b', 'a'] } }]
  await database.post('/_bulk_docs', { docs, new_edits: false })
  const asked = '{"a":["2-b","1-a","3-c"],"new":["1-x","2-y"],"__proto__":["2-x"]}'
  const { json } = await database.post('/_revs_diff', asked)
  t.strictSame(
    json,
    JSON.parse(
      '{"a":{"missing":["3-c"],"possible_ancestors":["2-b"]},"new":{"missing":["1-x","2-y"]},"__proto__":{"missing":["2-x"]}}',
    ),
  )
  t.strictSame((await database.post('/_revs_diff', { a: ['2-b'] })).json, {})
  t.strictSame((await database.post('/_missing_revs', { a: ['2-b', '3-c'], n: ['1-x'] })).json, {
    missing_revs: { a: ['3-c'], n: ['1-x'] },
  })
})

t.test('what is no list of revs is refused', async t => {
  const database = await adminDatabase(server, 'refused')
  for (const body of [[], { a: '1-x' }, { a: [1] }, { a: ['x'] }]) {
    t.match(await database.post('/_revs_diff', body), { status: 400, json: { error: 'bad_request' } })
  }
})

t.test('hundreds of thousands of revs of one document', async t => {
  const database = await adminDatabase(server, 'many')
  const docs = [{ _id: 'a', _revisions: { start: 2, ids: ['b', 'a'] } }]
  await database.post('/_bulk_docs', { docs, new_edits: false })
  const revs = Array.from({ length: 190_000 }, (_, i) => `1-${i.toString(36)}`)
  const { status, json } = await database.post('/_revs_diff', { a: [...revs, '3-c'] })
  t.equal(status, 200)
  t.equal(json.a.missing.length, revs.length)
  t.strictSame(json.a.possible_ancestors, ['2-b'])
})

t.test('a list of revs too long to hold is refused before it is read', async t => {
  const database = await adminDatabase(server, 'long')
  const body = `{"a":[${'0,'.repeat(2_000_000)}0]}`
  t.match(await database.post('/_revs_diff', body), { status: 413, json: { error: 'too_large' } })
})
