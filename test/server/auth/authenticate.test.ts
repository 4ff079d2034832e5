import type { IncomingHttpHeaders } from 'node:http'
import t from 'tap'
import type { Asker } from '../../../server/auth/asker.ts'
import { createAuthenticate, triesBasic } from '../../../server/auth/authenticate.ts'
import { hashPassword } from '../../../server/auth/password.ts'
import { type Admin, createPasswordCheck } from '../../../server/auth/password-check.ts'
import { createSessionCookies } from '../../../server/auth/session-cookie.ts'
import { createSessions } from '../../../server/auth/sessions.ts'
import { mintToken } from '../../../server/auth/token.ts'

const RULES = { secret: 'a secret', algorithm: 'HS256', issuer: undefined, audience: undefined } as const
const QUICK = { log2Rounds: 4, blockSize: 8, parallel: 1 } as const

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
const asker = (headers: IncomingHttpHeaders): Asker => ({
  method: 'GET',
  headers,
  origin: 'http://localhost:5984',
  address: '192.0.2.1',
})

const admins: readonly Admin[] = [
  { name: 'anna', passwordHash: await hashPassword('a:b:ä', QUICK) },
  { name: 'bert', passwordHash: await hashPassword('secret', QUICK) },
]
const cookies = createSessionCookies(RULES.secret, admins)
const cookie = `a=b; ${cookies.issue('anna', false).split(';')[0]}; c=d`
const token = mintToken({ ...RULES, sub: 'u', expiresInSeconds: 60 })

function authenticator() {
  const checkPassword = createPasswordCheck(admins)
  const sessions = createSessions(cookies, checkPassword)
  const authenticate = createAuthenticate({ tokens: RULES, checkPassword, sessions })
  return async (headers: IncomingHttpHeaders) => authenticate(asker(headers))
}

t.test('who is asking', async t => {
  const authenticate = authenticator()

  t.test('nobody, without credentials', async t => {
    t.strictSame(await authenticate({}), { kind: 'anonymous' })
  })

  t.test('a user by his token, an admin by name and password or by his session', async t => {
    t.match(await authenticate({ authorization: `Bearer ${token}` }), { kind: 'user', sub: 'u' })
    t.match(await authenticate({ authorization: `bearer  ${token} ` }), { kind: 'user', sub: 'u' })
    t.strictSame(await authenticate(basic('anna:a:b:ä')), { kind: 'admin', name: 'anna' })
    t.strictSame(await authenticate(basic('bert:secret')), { kind: 'admin', name: 'bert' })
    t.strictSame(await authenticate({ cookie }), {
      kind: 'admin',
      name: 'anna',
      session: { renewal: undefined },
    })
  })

  t.test('an Authorization decides alone, a cookie beside it is not looked at', async t => {
    t.match(await authenticate({ cookie, authorization: `Bearer ${token}` }), { kind: 'user', sub: 'u' })
    t.match(await authenticate({ cookie, ...basic('bert:secret') }), { kind: 'admin', name: 'bert' })
    await t.rejects(authenticate({ cookie, authorization: 'Bearer x' }), {
      name: 'CouchError',
      message: 'Token is no JWT.',
    })
    await t.rejects(authenticate({ cookie, ...basic('anna:wrong') }), {
      name: 'CouchError',
      message: 'Name or password is incorrect.',
    })
  })

  t.test('a cookie that does not hold is as good as none', async t => {
    const bad = ['AuthSession=', 'AuthSession=x', 'AuthSession=a.b', 'AuthSession', `${cookie.slice(0, -20)}`]
    for (const cookie of bad) t.strictSame(await authenticate({ cookie }), { kind: 'anonymous' }, cookie)
  })

  t.test('credentials that do not hold are refused, never taken for none', async t => {
    const refused = [
      basic('anna:wrong'),
      basic('anna:'),
      basic('anna'),
      basic(':'),
      basic('bert:a:b:ä'),
      basic('nobody:secret'),
      basic('constructor:secret'),
      { authorization: '' },
      { authorization: 'Bearer' },
      { authorization: token },
      { authorization: `Token ${token}` },
      { authorization: 'Basic' },
    ]
    for (const headers of refused) {
      await t.rejects(
        authenticate(headers),
        { name: 'CouchError', message: /./, status: 401 },
        JSON.stringify(headers),
      )
    }
  })

  t.test('only who tries a password is asked for one', async t => {
    await t.rejects(authenticate(basic('anna:wrong')), {
      name: 'CouchError',
      headers: { 'WWW-Authenticate': /Basic/ },
    })
    await t.rejects(authenticate({ authorization: 'Bearer x' }), { name: 'CouchError', headers: {} })
    t.equal(triesBasic(basic('a:b')), true)
    t.equal(triesBasic({ authorization: `Bearer ${token}` }), false)
    t.equal(triesBasic({}), false)
  })
})

t.test('headers made of spaces take no time', async t => {
  const authenticate = authenticator()
  const spaces = ' '.repeat(60_000)
  const start = performance.now()
  for (const text of [`Bearer x${spaces}y`, `Bearer${spaces}y`, `${spaces}x`, `x${spaces}`]) {
    await t.rejects(authenticate({ authorization: text }), { name: 'CouchError', status: 401 })
    t.match(await authenticate({ cookie: `AuthSession${text}` }), { kind: 'anonymous' })
    t.match(await authenticate({ cookie: `AuthSession=${text}` }), { kind: 'anonymous' })
    t.match(await authenticate({ cookie: `AuthSession="${text}".${text}` }), { kind: 'anonymous' })
  }
  const ms = performance.now() - start
  t.ok(ms < 500, `${ms} ms`)
})
