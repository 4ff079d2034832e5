import { createHmac } from 'node:crypto'
import jwt from 'jsonwebtoken'
import t from 'tap'
import { createTokenCheck, mintToken } from '../../../server/auth/token.ts'

const SECRET = 'a secret of this test'
const RULES = { secret: SECRET, algorithm: 'HS256', issuer: 'us', audience: 'you' } as const
const LAX = { ...RULES, issuer: undefined, audience: undefined }
const check = createTokenCheck(RULES)
const laxCheck = createTokenCheck(LAX)
const CLAIMS = { sub: 'anna', iss: 'us', aud: 'you' }

const sign = (claims: object, options: jwt.SignOptions = { expiresIn: 60 }) =>
  jwt.sign(claims, SECRET, options)
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const later = () => Math.floor(Date.now() / 1000) + 60

t.test('a token that we mint is good until it ends', async t => {
  const token = mintToken({
    sub: 'anna',
    secret: SECRET,
    issuer: 'us',
    audience: 'you',
    expiresInSeconds: 60,
  })
  const user = check(token)
  t.match(user, { kind: 'user', sub: 'anna' })
  t.ok(user.kind === 'user' && Math.abs(user.expiresAt - Date.now() - 60_000) < 2_000)
  const bare = mintToken({ sub: 'a', secret: SECRET, issuer: undefined, audience: '', expiresInSeconds: 9 })
  t.match(laxCheck(bare), { sub: 'a' })
})

t.test('what is not configured is not checked, what is must be there', async t => {
  t.match(laxCheck(sign({ sub: 'anna' })), { sub: 'anna' })
  t.match(check(sign({ ...CLAIMS, aud: ['others', 'you'] })), { sub: 'anna' })
  t.throws(() => check(sign({ sub: 'anna', aud: 'you' })), {
    name: 'CouchError',
    word: 'unauthorized',
  })
  t.throws(() => check(sign({ sub: 'anna', iss: 'us' })), {
    name: 'CouchError',
    word: 'unauthorized',
  })
})

const none = `${encode({ alg: 'none' })}.${encode({ ...CLAIMS, exp: later() })}.`
const refusals: readonly { readonly name: string; readonly token: string; readonly reason: RegExp }[] = [
  { name: 'expired', token: sign(CLAIMS, { expiresIn: -1 }), reason: /expired/ },
  { name: 'without an end', token: sign(CLAIMS, {}), reason: /exp/ },
  {
    name: 'not yet valid',
    token: sign(CLAIMS, { expiresIn: 60, notBefore: 30 }),
    reason: /not valid yet \(nbf\)/,
  },
  { name: 'another issuer', token: sign({ ...CLAIMS, iss: 'them' }), reason: /issuer \(iss\)/ },
  { name: 'another audience', token: sign({ ...CLAIMS, aud: 'them' }), reason: /audience \(aud\)/ },
  {
    name: 'HS512',
    token: sign(CLAIMS, { expiresIn: 60, algorithm: 'HS512' }),
    reason: /not signed with HS256/,
  },
  { name: 'no algorithm', token: none, reason: /no signature/ },
  {
    name: 'no algorithm, an old signature',
    token: `${none}${sign(CLAIMS).split('.')[2]}`,
    reason: /not signed with HS256/,
  },
  { name: 'another secret', token: jwt.sign(CLAIMS, 'theirs', { expiresIn: 60 }), reason: /JWT_SECRET/ },
  { name: 'no sub', token: sign({ iss: 'us', aud: 'you' }), reason: /sub/ },
  { name: 'an empty sub', token: sign({ ...CLAIMS, sub: '' }), reason: /sub/ },
  { name: 'half a character as sub', token: sign({ ...CLAIMS, sub: 'a\ud800' }), reason: /sub/ },
  { name: 'a sub without end', token: sign({ ...CLAIMS, sub: 'ä'.repeat(51) }), reason: /sub/ },
  { name: 'text for claims', token: jwt.sign('anna', SECRET), reason: /audience/ },
  {
    name: 'another secret and expired, of another issuer: of what is not signed nothing is told',
    token: jwt.sign({ iss: 'them' }, 'theirs', { expiresIn: -60 }),
    reason: /JWT_SECRET/,
  },
  { name: 'no token', token: '', reason: /no JWT/ },
  { name: 'three dots', token: '...', reason: /no JWT/ },
]

for (const { name, token, reason } of refusals) {
  t.test(`refused: ${name}`, async t => {
    t.throws(() => check(token), { name: 'CouchError', word: 'unauthorized', message: reason })
  })
}

t.test('a UUID names one user in either case', async t => {
  const uuid = '6f1c2a34-9d5b-4c1e-8a70-2f6f1e0b9a11'
  t.match(laxCheck(sign({ sub: uuid.toUpperCase() })), { sub: uuid })
  t.match(laxCheck(sign({ sub: 'Anna' })), { sub: 'Anna' }, 'any other name is taken as it is')
})

t.test('a sub that is no text is refused', async t => {
  for (const sub of [7, null, ['anna'], { name: 'anna' }]) {
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ ...CLAIMS, sub, exp: later() })}`
    const signature = createHmac('sha256', SECRET).update(signed).digest('base64url')
    t.throws(() => check(`${signed}.${signature}`), {
      name: 'CouchError',
      word: 'unauthorized',
      message: /sub/,
    })
  }
})

t.test('a refusal repeats nothing of the token', async t => {
  const token = sign({ ...CLAIMS, iss: 'them' })
  try {
    check(token)
    t.fail('it was accepted')
  } catch (error) {
    const [, claims = '', signature = ''] = token.split('.')
    t.notMatch(String(error), claims)
    t.notMatch(String(error), signature)
  }
})

t.test(
  'a token that held before is refused from the second on in which it ends, and while it is not yet good',
  async t => {
    const realNow = Date.now
    t.teardown(() => {
      Date.now = realNow
    })
    const begun = Math.floor(realNow() / 1000)
    const at = (seconds: number) => {
      Date.now = () => (begun + seconds) * 1000
    }
    const token = sign({ ...CLAIMS, nbf: begun, exp: begun + 60 }, {})
    at(0)
    const first = check(token)
    t.equal(check(token), first, 'it is known')
    at(59)
    t.equal(check(token), first)
    at(60)
    t.throws(() => check(token), { name: 'CouchError', word: 'unauthorized', message: /expired/ })
    at(-1)
    t.throws(() => check(token), { name: 'CouchError', word: 'unauthorized', message: /nbf/ })
    at(30)
    t.match(check(token), { sub: 'anna' })
  },
)

t.test('what is like a token that held is none', async t => {
  const token = sign(CLAIMS)
  check(token)
  t.throws(() => check(`${token}x`), { name: 'CouchError', word: 'unauthorized' })
  t.throws(() => check(token.slice(0, -1)), { name: 'CouchError', word: 'unauthorized' })
  t.throws(() => createTokenCheck({ ...RULES, audience: 'others' })(token), { message: /audience/ })
})
