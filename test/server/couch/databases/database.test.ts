import t from 'tap'
import { metricsDbName, userDbName } from '../../../../design-docs/user-db.ts'
import { rawRequest } from '../../../fixtures/raw-request.ts'
import { type RunningServer, runningServer } from '../../../fixtures/running-server.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** Requests of one caller, answered with status and parsed body. */
function caller(server: RunningServer, authorization: string | undefined) {
  const headers = authorization === undefined ? JSON_TYPE : { ...JSON_TYPE, authorization }
  return async (method: string, path: string, body?: unknown) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const answer = await rawRequest(server.url, path, { method, headers, body: text })
    return {
      status: answer.status,
      headers: answer.headers,
      json: answer.body === '' ? undefined : JSON.parse(answer.body),
    }
  }
}

const server = await runningServer(t)
const admin = caller(server, server.basic)
const nobody = caller(server, undefined)
const bert = caller(server, server.bearer('bert'))

/** A user nobody has heard of yet, and the name of his database. */
function newUser(sub: string) {
  return { name: userDbName(sub), user: caller(server, server.bearer(sub)) }
}

t.test('a user’s databases are made at first use, and only his', async t => {
  const { name, user } = newUser('first use')
  t.match(await admin('GET', `/${name}`), { status: 404, json: { error: 'not_found' } })
  t.equal(server.store.database(name), undefined, 'an admin’s look makes nothing')
  t.equal((await bert('GET', `/${name}`)).status, 403)
  t.equal(server.store.database(name), undefined, 'nor does another user’s')
  t.match(await user('GET', '/me'), { status: 200, json: { db_name: name, doc_count: 0 } })
  t.match(await user('GET', `/${name}`), { status: 200, json: { db_name: name } })
  t.match(await user('GET', '/me-metrics'), { status: 200, json: { db_name: metricsDbName('first use') } })
  t.match(await user('HEAD', '/me'), { status: 200, json: undefined })
  t.match(await user('GET', '/me-x'), { status: 404 })
  t.strictSame(server.store.databaseNames({ limit: 10 }), ['_users', name, metricsDbName('first use')])
})

t.test('twenty first requests at once make one database', async t => {
  const { user } = newUser('twenty')
  const answers = await Promise.all(Array.from({ length: 20 }, () => user('GET', '/me')))
  t.ok(answers.every(({ status }) => status === 200))
})

t.test('a database’s facts are CouchDB’s', async t => {
  const { name, user } = newUser('facts')
  await user('GET', '/me')
  const doc = (id: string) => ({ kind: 'interactive', id, deleted: false, body: '{"a":1}' }) as const
  await server.store.database(name)?.write([doc('a'), doc('b')])
  const { json } = await user('GET', '/me/')
  t.match(json, {
    db_name: name,
    doc_count: 2,
    doc_del_count: 0,
    update_seq: /^2-/,
    instance_start_time: '0',
    compact_running: false,
    props: {},
    sizes: { active: Number, external: Number, file: Number },
  })
  t.type(json.purge_seq, 'number')
})

t.test('admins make and delete databases', async t => {
  const { user } = newUser('no admin')
  const made = await admin('PUT', '/recipes%2Fold')
  t.match(made, { status: 201, json: { ok: true }, headers: { location: /\/recipes%2Fold$/ } })
  t.match(await admin('PUT', '/recipes%2Fold'), { status: 412, json: { error: 'file_exists' } })
  t.match(await admin('DELETE', '/recipes%2Fold?rev=1-a'), { status: 400, json: { error: 'bad_request' } })
  t.match(await admin('DELETE', '/recipes%2Fold'), { status: 200, json: { ok: true } })
  t.match(await admin('DELETE', '/recipes%2Fold'), {
    status: 404,
    json: { reason: 'Database does not exist.' },
  })
  t.match(await admin('DELETE', '/_users'), { status: 403 }, 'but not the accounts')
  t.equal((await user('DELETE', '/me')).status, 403)
})

t.test('names that cannot be', async t => {
  for (const name of ['A', '1a', '_x', 'a b', 'ä', 'a%00', 'a.b', 'me', 'me-x', `a${'b'.repeat(238)}`]) {
    t.match(await admin('PUT', `/${encodeURI(name).replace('%2500', '%00')}`), {
      status: 400,
      json: { error: 'illegal_database_name', reason: /^Name: / },
    })
  }
  t.equal((await admin('PUT', '/api')).status, 404, 'nothing below /api is a database')
  t.equal((await admin('PUT', `/a_$()+-${'b'.repeat(230)}`)).status, 201)
})

t.test('PouchDB makes a missing database by itself: a user may, but his own alone', async t => {
  const { name, user } = newUser('putting')
  t.equal((await user('PUT', '/me')).status, 201)
  t.match(await user('PUT', '/me'), { status: 412, json: { error: 'file_exists' } })
  t.match(await user('PUT', `/${name}`), { status: 412 })
  t.match(await bert('PUT', `/${name}`), { status: 403, json: { error: 'forbidden' } })
  t.match(await bert('PUT', '/recipes'), { status: 403 })
  t.match(await bert('PUT', '/_users'), { status: 403 })
  t.match(await nobody('PUT', '/recipes'), { status: 401, json: { error: 'unauthorized' } })
  t.match(await nobody('PUT', `/${name}`), { status: 401, json: undefined })
})

t.test('what a database says beside its documents', async t => {
  const { user } = newUser('facts beside')
  t.match(await user('GET', '/me/_revs_limit'), { status: 200, json: 1000 })
  t.match(await user('GET', '/me/_security'), {
    status: 200,
    json: { admins: { roles: ['_admin'] }, members: { names: ['facts beside'] } },
  })
  t.strictSame((await user('POST', '/me/_ensure_full_commit', {})).json, {
    ok: true,
    instance_start_time: '0',
  })
  t.equal((await user('POST', '/me/_ensure_full_commit', {})).status, 201)
})
