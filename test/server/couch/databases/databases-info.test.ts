import t from 'tap'
import { rawRequest } from '../../../fixtures/raw-request.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

t.test('all databases, a range of them, and their facts', async t => {
  const server = await runningServer(t)
  // More than one read's worth.
  const names = Array.from({ length: 1100 }, (_, i) => `d${String(i).padStart(4, '0')}`)
  await Promise.all(names.map(name => server.store.createDatabase(name)))
  const list = async (path: string) => {
    const { status, body } = await rawRequest(server.url, path, { headers: { authorization: server.basic } })
    t.equal(status, 200, path)
    return JSON.parse(body)
  }

  t.strictSame(await list('/_all_dbs'), ['_users', ...names])
  t.strictSame(await list('/_all_dbs?descending=true&limit=2'), ['d1099', 'd1098'])
  t.strictSame(await list('/_all_dbs?startkey="d0003"&endkey="d0005"'), ['d0003', 'd0004', 'd0005'])
  t.strictSame(await list('/_all_dbs?start_key="d0003"&end_key="d0005"&inclusive_end=false&skip=1'), [
    'd0004',
  ])
  t.equal((await list('/_all_dbs?skip=100&limit=900')).length, 900)
  t.strictSame(await list('/_all_dbs?limit=0'), [])

  const rows = await list('/_dbs_info')
  t.equal(rows.length, 1101)
  t.match(rows.at(-1), { key: 'd1099', info: { db_name: 'd1099', doc_count: 0 } })

  const post = (body: unknown) =>
    rawRequest(server.url, '/_dbs_info', {
      method: 'POST',
      headers: { authorization: server.basic, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  t.match(JSON.parse((await post({ keys: ['d0001', 'gone'] })).body), [
    { key: 'd0001', info: { db_name: 'd0001' } },
    { key: 'gone', error: 'not_found' },
  ])
  t.match(await post({ keys: names.slice(0, 101) }), { status: 400, body: /keys/ })
  t.match(await post({ keys: 'all' }), { status: 400, body: /"bad_request".*keys/ })
  t.match(await post({}), { status: 400, body: /keys/ })

  const wrong = await rawRequest(server.url, '/_all_dbs?startkey=d', {
    headers: { authorization: server.basic },
  })
  t.match(wrong, { status: 400, body: /"query_parse_error".*startkey/ })
})
