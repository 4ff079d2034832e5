import t from 'tap'
import {
  accountDocId,
  deviceDocId,
  docId,
  entityOfDoc,
  isDeviceId,
  metricsDocId,
  parseDocId,
  referenceTo,
  typeOfId,
} from '../../design-docs/doc-id.ts'

const UUID = '0b3f5c1e-7d2a-4e8b-9c6f-1a2b3c4d5e6f'

t.test('a client id that is a UUID makes the id alone, in lower case', async t => {
  t.equal(docId('session', UUID), `session:${UUID}`)
  t.equal(docId('session', UUID.toUpperCase(), 'phone'), `session:${UUID}`)
})

t.test('any other client id is scoped by its device', async t => {
  t.equal(docId('record', '1', 'phone-1'), 'record:phone-1:1')
  t.not(docId('record', '1', 'phone-1'), docId('record', '1', 'phone-2'))
  t.equal(docId('record', 'a:b', 'phone-1'), 'record:phone-1:a:b')
  t.throws(() => docId('record', '1'), /needs the id of its device/)
  t.throws(() => docId('record', '1', 'a:b'), /needs the id of its device/)
  t.throws(() => docId('record', '', 'phone'), /not empty/)
})

t.test('the singleton has one id, whatever its client id', async t => {
  t.equal(docId('gamificationStats', '1', 'phone'), 'gamificationStats')
  t.equal(docId('gamificationStats', UUID), 'gamificationStats')
})

t.test('ids are read back into their parts', async t => {
  t.strictSame(parseDocId(`session:${UUID}`), { type: 'session', clientId: UUID, deviceId: undefined })
  t.strictSame(parseDocId('record:phone-1:1'), { type: 'record', clientId: '1', deviceId: 'phone-1' })
  t.strictSame(parseDocId('record:p:a:b'), { type: 'record', clientId: 'a:b', deviceId: 'p' })
  t.strictSame(parseDocId(`record:${UUID}:1`), { type: 'record', clientId: '1', deviceId: UUID })
})

t.test('ids that no client id makes have no parts', async t => {
  const cases = [
    '',
    'session',
    'session:',
    'session:1',
    'session:phone:',
    'session::1',
    'session:my phone:1',
    `session:${'d'.repeat(65)}:1`,
    `session:${UUID.toUpperCase()}`,
    `session:phone:${UUID}`,
    'gamificationStats',
  ]
  for (const id of cases) t.equal(parseDocId(id), undefined, `"${id}"`)
})

t.test('the type is the id up to its first colon', async t => {
  const cases: readonly (readonly [string, string, string])[] = [
    [`session:${UUID}`, 'session', UUID],
    ['record:phone:1', 'record', 'phone:1'],
    ['gamificationStats', 'gamificationStats', ''],
    ['org.couchdb.user:a@b.c', 'org.couchdb.user', 'a@b.c'],
    ['', '', ''],
    [':', '', ''],
  ]
  for (const [id, type, reference] of cases) {
    t.equal(typeOfId(id), type)
    t.equal(referenceTo(id), reference)
  }
})

t.test('a type means something in its own kind of database only', async t => {
  t.equal(entityOfDoc('main', 'record:a:1')?.type, 'record')
  t.equal(entityOfDoc('metrics', 'metrics:s:0')?.type, 'metrics')
  t.equal(entityOfDoc('accounts', 'org.couchdb.user:a@b.c')?.table, 'users')
  t.equal(entityOfDoc('main', 'org.couchdb.user:a@b.c'), undefined)
  t.equal(entityOfDoc('main', 'metrics:s:0'), undefined)
  t.equal(entityOfDoc('accounts', 'session:1'), undefined)
  t.equal(entityOfDoc('main', '_design/x'), undefined)
})

t.test('devices, chunks of metrics and accounts have ids of their own', async t => {
  t.equal(deviceDocId('phone-1'), 'device:phone-1')
  t.throws(() => deviceDocId('a b'), /device id/)
  t.equal(metricsDocId('phone:7', '2'), 'metrics:phone:7:2')
  t.equal(accountDocId('Who@Example.org'), 'org.couchdb.user:who@example.org')
})

t.test('a device id has 1 to 64 plain characters', async t => {
  for (const id of ['a', 'A.b_c-9', 'd'.repeat(64), UUID]) t.ok(isDeviceId(id), id)
  for (const id of ['', 'd'.repeat(65), 'a:b', 'a b', 'ä', 'a\n', '\0'])
    t.notOk(isDeviceId(id), JSON.stringify(id))
})
