import t, { type Test } from 'tap'
import { metricsDbName, userDbName } from '../../../design-docs/user-db.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { type RunningServer, runningServer } from '../../fixtures/running-server.ts'

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

async function callers(t: Test) {
  const server = await runningServer(t)
  return {
    server,
    admin: caller(server, server.basic),
    anna: caller(server, server.bearer('anna')),
    bert: caller(server, server.bearer('bert')),
    nobody: caller(server, undefined),
  }
}

t.test('a user’s databases are made at first use, and only his', async t => {
  const { server, admin, anna, bert } = await callers(t)
  const name = userDbName('anna')
  t.match(await admin('GET', `/${name}`), { status: 404, json: { error: 'not_found' } })
  t.equal(server.store.database(name), undefined, 'an admin’s look makes nothing')
  t.equal((await bert('GET', `/${name}`)).status, 403)
  t.equal(server.store.database(name), undefined, 'nor does another user’s')
  t.match(await anna('GET', '/me'), { status: 200, json: { db_name: name, doc_count: 0 } })
  t.match(await anna('GET', `/${name}`), { status: 200, json: { db_name: name } })
  t.match(await anna('GET', '/me-metrics'), { status: 200, json: { db_name: metricsDbName('anna') } })
  t.match(await anna('HEAD', '/me'), { status: 200, json: undefined })
  t.match(await anna('GET', '/me-session'), { status: 404 })
  t.strictSame(server.store.databaseNames({ limit: 10 }), ['_users', name, metricsDbName('anna')])
})

t.test('twenty first requests at once make one database', async t => {
  const { anna } = await callers(t)
  const answers = await Promise.all(Array.from({ length: 20 }, () => anna('GET', '/me')))
  t.ok(answers.every(({ status }) => status === 200))
})

t.test('a database’s facts are CouchDB’s', async t => {
  const { server, anna } = await callers(t)
  await anna('GET', '/me')
  const doc = (id: string) => ({ kind: 'interactive', id, deleted: false, body: '{"a":1}' }) as const
  await server.store.database(userDbName('anna'))?.write([doc('a'), doc('b')])
  const { json } = await anna('GET', '/me/')
  t.match(json, {
    db_name: userDbName('anna'),
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
  const { admin, anna } = await callers(t)
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
  t.equal((await anna('DELETE', '/me')).status, 403)
})

t.test('names that cannot be', async t => {
  const { admin } = await callers(t)
  for (const name of [
    'A',
    '1a',
    '_x',
    'a b',
    'ä',
    'a%00',
    'a.b',
    'me',
    'me-x',
    'api',
    `a${'b'.repeat(238)}`,
  ]) {
    t.match(await admin('PUT', `/${encodeURI(name).replace('%2500', '%00')}`), {
      status: 400,
      json: { error: 'illegal_database_name', reason: /^Name: / },
    })
  }
  t.equal((await admin('PUT', `/a_$()+-${'b'.repeat(230)}`)).status, 201)
})

t.test('PouchDB makes a missing database by itself: a user may, but his own alone', async t => {
  const { anna, bert, nobody } = await callers(t)
  t.equal((await anna('PUT', '/me')).status, 201)
  t.match(await anna('PUT', '/me'), { status: 412, json: { error: 'file_exists' } })
  t.match(await anna('PUT', `/${userDbName('anna')}`), { status: 412 })
  t.match(await bert('PUT', `/${userDbName('anna')}`), { status: 403, json: { error: 'forbidden' } })
  t.match(await bert('PUT', '/recipes'), { status: 403 })
  t.match(await bert('PUT', '/_users'), { status: 403 })
  t.match(await nobody('PUT', '/recipes'), { status: 401, json: { error: 'unauthorized' } })
  t.match(await nobody('PUT', `/${userDbName('anna')}`), { status: 401, json: undefined })
})

t.test('what a database says beside its documents', async t => {
  const { anna } = await callers(t)
  t.match(await anna('GET', '/me/_revs_limit'), { status: 200, json: 1000 })
  t.match(await anna('GET', '/me/_security'), {
    status: 200,
    json: { admins: { roles: ['_admin'] }, members: { names: ['anna'] } },
  })
  t.strictSame((await anna('POST', '/me/_ensure_full_commit', {})).json, {
    ok: true,
    instance_start_time: '0',
  })
  t.equal((await anna('POST', '/me/_ensure_full_commit', {})).status, 201)
})
