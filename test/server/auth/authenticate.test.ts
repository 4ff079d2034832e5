import t from 'tap'
import { createAuthenticate, triesBasic } from '../../../server/auth/authenticate.ts'
import { hashPassword } from '../../../server/auth/password.ts'
import { mintToken } from '../../../server/auth/token.ts'

const RULES = { secret: 'a secret', algorithm: 'HS256', issuer: undefined, audience: undefined } as const

const QUICK = { log2Rounds: 4, blockSize: 8, parallel: 1 } as const

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

t.test('who is asking', async t => {
  const authenticate = createAuthenticate(RULES, [
    { name: 'anna', passwordHash: await hashPassword('a:b:ä', QUICK) },
    { name: 'bert', passwordHash: await hashPassword('secret', QUICK) },
  ])
  const token = mintToken({ ...RULES, sub: 'u', expiresInSeconds: 60 })

  t.test('nobody, without credentials', async t => {
    t.strictSame(await authenticate({}), { kind: 'anonymous' })
  })

  t.test('a user by his token, an admin by name and password', async t => {
    t.match(await authenticate({ authorization: `Bearer ${token}` }), { kind: 'user', sub: 'u' })
    t.match(await authenticate({ authorization: `bearer  ${token} ` }), { kind: 'user', sub: 'u' })
    t.strictSame(await authenticate(basic('anna:a:b:ä')), { kind: 'admin', name: 'anna' })
    t.strictSame(await authenticate(basic('bert:secret')), { kind: 'admin', name: 'bert' })
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
        { name: 'CouchError', word: 'unauthorized' },
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

t.test('a right password is slow once', async t => {
  const authenticate = createAuthenticate(RULES, [
    { name: 'anna', passwordHash: await hashPassword('right') },
  ])
  const timed = async (headers: Parameters<typeof authenticate>[0]) => {
    const start = performance.now()
    await authenticate(headers).catch(() => {})
    return performance.now() - start
  }
  const slow = await timed(basic('anna:right'))
  const fast = await timed(basic('anna:right'))
  t.ok(fast < slow / 5, `${fast} ms after ${slow} ms`)
  await timed(basic('anna:wrong'))
  t.ok((await timed(basic('anna:wrong'))) > fast * 2, 'a wrong one is slow each time')
})

t.test(
  'one header coming many times at once is checked once; many headers at once are told to wait',
  async t => {
    const authenticate = createAuthenticate(RULES, [
      { name: 'anna', passwordHash: await hashPassword('right') },
    ])
    const same = await Promise.all(Array.from({ length: 100 }, () => authenticate(basic('anna:right'))))
    t.equal(new Set(same).size, 1)

    const guesses = Array.from({ length: 40 }, (_, i) => authenticate(basic(`anna:guess ${i}`)))
    const words = (await Promise.allSettled(guesses)).map(
      guess => guess.status === 'rejected' && guess.reason.word,
    )
    t.equal(words.filter(word => word === 'unauthorized').length, 8)
    t.equal(words.filter(word => word === 'too_many_requests').length, 32)
    t.match(await authenticate(basic('anna:right')), { kind: 'admin' }, 'who is known is not held up by them')
  },
)
