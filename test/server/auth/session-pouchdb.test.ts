import PouchDB from 'pouchdb-node'
import t from 'tap'
import { ADMIN, runningServer } from '../../fixtures/running-server.ts'

const server = await runningServer(t)

const session = (method: string, body?: object) =>
  PouchDB.fetch(`${server.url}/_session`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

t.test('PouchDB, which keeps cookies in Node as a browser does, works by a login alone', async t => {
  const source = new PouchDB(`${server.url}/source`, { skip_setup: true })
  const status = () =>
    source.allDocs().then(
      () => 'in',
      error => error.status,
    )
  t.equal(await status(), 401)

  t.equal((await session('POST', ADMIN)).status, 200)
  const target = new PouchDB(`${server.url}/target`)
  await new PouchDB(`${server.url}/source`).bulkDocs([{ _id: 'a' }, { _id: 'b' }])
  t.match(await PouchDB.replicate(source, target), { ok: true, docs_written: 2 })
  t.equal(server.store.database('target')?.facts().docCount, 2)
  t.equal(await status(), 'in')

  t.equal((await session('DELETE')).status, 200)
  t.equal(await status(), 401)
})
