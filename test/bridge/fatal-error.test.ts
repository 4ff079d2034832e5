import assert from 'node:assert'
import pg from 'pg'
import t from 'tap'
import { BridgeError } from '../../bridge/bridge-error.ts'
import { ServerError } from '../../bridge/couch-client.ts'
import { fatalError } from '../../bridge/fatal-error.ts'
import { openPool } from '../../bridge/postgres-client.ts'
import { verdictOf } from '../../bridge/postgres-errors.ts'

const URL_WITH_SECRET = 'postgres://user:secret@there/mirror'

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

function refused(code: string, message: string): Error {
  return Object.assign(new pg.DatabaseError(message, 0, 'error'), { code })
}

/** What a function throws. */
function thrownBy(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

t.test('a bug at the start stays what it is, whatever it says', async t => {
  const bugs = [
    new TypeError("Cannot read properties of undefined (reading 'connection')"),
    Object.assign(new TypeError('The "path" argument is wrong'), { code: 'ERR_INVALID_ARG_TYPE' }),
    thrownBy(() => assert(false, 'a connection is there')),
    new Error('an error of our own'),
    'no error at all',
  ]
  for (const bug of bugs) {
    t.equal(verdictOf(bug), 'unknown', String(bug))
    t.equal(fatalError(bug, URL_WITH_SECRET), bug)
  }
})

t.test('what Postgres, its driver or the system refuses is one line', async t => {
  const errors = [
    refused('28P01', 'password authentication failed'),
    refused('XX000', 'nobody knows'),
    coded('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'),
    new Error('The server does not support SSL connections'),
    new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'),
  ]
  for (const error of errors) {
    const fatal = fatalError(error, URL_WITH_SECRET)
    assert(fatal instanceof BridgeError)
    t.equal(fatal.message, `Postgres at there/mirror cannot be used: ${error.message}. Check DATABASE_URL`)
    t.equal(fatal.cause, error)
  }
})

t.test('what may pass by itself ends nothing', async t => {
  const errors = [
    coded('ECONNREFUSED', 'refused'),
    new Error('Connection terminated unexpectedly'),
    refused('57P03', 'starting up'),
    new ServerError('no usable answer', {}),
    new ServerError('busy', { status: 503 }),
  ]
  for (const error of errors) t.equal(fatalError(error, URL_WITH_SECRET), undefined, error.message)
})

t.test('a database URL that the driver cannot read is one line without the password', async t => {
  for (const url of [
    'postgres://user:secret@there:port/mirror',
    'postgres://user:secret@there/mirror?sslrootcert=/nowhere/ca.pem',
  ]) {
    const error = thrownBy(() => openPool(url, 1))
    assert(error instanceof BridgeError)
    t.match(error.message, /^the database URL cannot be read \(.*\): check DATABASE_URL$/)
    t.notMatch(error.message, /secret/)
  }
})
