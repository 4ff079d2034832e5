import t from 'tap'
import { metricsDbName, userDbName, userOfDb, userUuid } from '../../design-docs/user-db.ts'

const UUID = '0b3f5c1e-7d2a-4e8b-9c6f-1a2b3c4d5e6f'

t.test('a user db is named by the hex of the sub, and leads back to it', async t => {
  t.equal(userDbName('abc'), 'userdb-616263')
  t.equal(userDbName('Zoë 😀'), 'userdb-5a6fc3ab20f09f9880')
  for (const sub of ['abc', UUID, 'ABC', 'Zoë 😀', '-metrics', '\0', '\ufeffa', ' ']) {
    t.strictSame(userOfDb(userDbName(sub)), { sub, kind: 'main' })
    t.strictSame(userOfDb(metricsDbName(sub)), { sub, kind: 'metrics' })
  }
})

t.test('names that no user has lead to nobody', async t => {
  const names = [
    '',
    'userdb-',
    'userdb--metrics',
    '_users',
    'other',
    'userdb-6',
    'userdb-616',
    'userdb-6G',
    'userdb-6A',
    'userdb-ff',
    'userdb-eda080',
    'userdb-616263-session',
    'userdb-616263-metrics-metrics',
    'xuserdb-616263',
    'userdb-616263/..',
  ]
  for (const name of names) t.equal(userOfDb(name), undefined, name)
})

t.test('no database but the one in lower case is that of a user with a UUID', async t => {
  for (const sub of [UUID.toUpperCase(), UUID.replace('b', 'B')]) {
    t.equal(userOfDb(userDbName(sub)), undefined)
    t.equal(userOfDb(metricsDbName(sub)), undefined)
  }
})

t.test('a sub that would share a database with another is refused', async t => {
  t.throws(() => userDbName('\ud800'), /UTF-8/)
  t.throws(() => userDbName(''), /UTF-8/)
})

t.test('a user keeps his UUID, any other name has one made from it', async t => {
  t.equal(userUuid(UUID.toUpperCase()), UUID)
  t.equal(userUuid('demo'), '4a386d3f-6d1d-5c3e-87de-91a157d66864')
  t.not(userUuid('demo'), userUuid('Demo'))
})
