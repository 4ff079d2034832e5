import t from 'tap'
import { hashPassword } from '../../../server/auth/password.ts'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { ADMIN, runningServer } from '../../fixtures/running-server.ts'

/** Guessing at the real cost of a hash, over HTTP. Behind a proxy, so that a test can be in many places. */
const admins = [{ name: ADMIN.name, passwordHash: await hashPassword(ADMIN.password) }]
const server = await runningServer(t, { admins, trustProxy: true })

const basic = (name: string, password: string) =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
const ask = (from: string, authorization: string, path = '/_all_dbs') =>
  rawRequest(server.url, path, { headers: { authorization, 'x-forwarded-for': from } })
const login = (from: string, name: string, password: string) =>
  rawRequest(server.url, '/_session', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
    body: JSON.stringify({ name, password }),
  })
const times = (count: number) => Array.from({ length: count }, (_, i) => i)

t.test('after ten wrong passwords the next is not even looked at, by either way in', async t => {
  for (const i of times(5)) t.equal((await ask('203.0.113.1', basic(ADMIN.name, `guess ${i}`))).status, 401)
  for (const i of times(5)) t.equal((await login('203.0.113.1', ADMIN.name, `guess ${5 + i}`)).status, 401)
  const refused = await ask('203.0.113.1', basic(ADMIN.name, 'guess 10'))
  t.match(refused, { status: 429, body: /"too_many_requests"/ })
  const seconds = Number(refused.headers['retry-after'])
  t.ok(seconds > 280 && seconds <= 300, `${seconds} s`)
  t.match(await login('203.0.113.1', ADMIN.name, ADMIN.password), { status: 429 }, 'not even the right one')

  t.test('a name that does not exist is refused in the same words', async t => {
    const nobody = await ask('203.0.113.1', basic('nobody', 'guess'))
    t.equal(nobody.status, 429)
    t.equal(nobody.body, refused.body)
  })

  t.test('others are not held up, tokens and who is logged in neither', async t => {
    t.match(await ask('203.0.113.2', server.basic), { status: 200 })
    t.match(await ask('203.0.113.1', server.bearer('anna'), '/me'), { status: 200 })
    t.match(await ask('203.0.113.1', server.basic), { status: 200 }, 'a password known to be right')
    const session = await login('203.0.113.2', ADMIN.name, ADMIN.password)
    const cookie = session.headers['set-cookie']?.[0] ?? ''
    const headers = { cookie, 'x-forwarded-for': '203.0.113.1' }
    t.match(await rawRequest(server.url, '/_all_dbs', { headers }), { status: 200 })
  })
})

t.test(
  'the same wrong password again is no new guess, so a program that keeps trying locks nobody out',
  async t => {
    for (const _ of times(50)) t.equal((await ask('203.0.113.5', basic(ADMIN.name, 'old one'))).status, 401)
    t.match(await login('203.0.113.5', ADMIN.name, ADMIN.password), { status: 200 })
    t.match(await ask('203.0.113.5', basic(ADMIN.name, 'old one')), {
      status: 401,
      headers: { 'www-authenticate': /Basic/ },
    })
  },
)

t.test('the answer and its time tell no name that exists', async t => {
  const timed = async (name: string, from: string) => {
    const start = performance.now()
    const { status, body, headers } = await ask(from, basic(name, `guess of ${from}`))
    const seen = { status, body, challenge: headers['www-authenticate'] }
    return { seen, ms: performance.now() - start }
  }
  const known: number[] = []
  const unknown: number[] = []
  for (const i of times(5)) {
    const a = await timed(ADMIN.name, `198.51.100.${i}`)
    const b = await timed('nobody', `198.51.100.${100 + i}`)
    t.strictSame(a.seen, b.seen)
    known.push(a.ms)
    unknown.push(b.ms)
  }
  // The fastest of each: anything else on this machine only makes them slower.
  const ratio = Math.min(...known) / Math.min(...unknown)
  t.ok(ratio > 0.33 && ratio < 3, `known ${known}, unknown ${unknown}`)
})

t.test('a storm of guesses holds up nobody else', async t => {
  await ask('203.0.113.2', server.basic)
  const storm = Promise.all(
    times(200).map(i => ask(`192.0.2.${i}`, basic(i % 2 === 0 ? ADMIN.name : `name ${i}`, `guess ${i}`))),
  )
  let answered = 0
  let isOver = false
  const over = storm.finally(() => {
    isOver = true
  })
  while (!isOver) {
    t.equal((await ask('203.0.113.2', server.basic)).status, 200)
    t.equal((await ask('203.0.113.2', server.bearer('anna'), '/me')).status, 200)
    answered += 1
  }
  const statuses = (await over).map(({ status }) => status)
  t.strictSame([...new Set(statuses)].sort(), [401, 429])
  t.ok(statuses.filter(status => status === 401).length >= 18, 'those whose turn came were checked')
  t.ok(answered > 5, `${answered} answers while the hashes were computed`)
})
