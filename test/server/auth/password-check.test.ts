import t from 'tap'
import { hashPassword } from '../../../server/auth/password.ts'
import { createPasswordCheck } from '../../../server/auth/password-check.ts'

const admins = [{ name: 'anna', passwordHash: await hashPassword('right') }]
const HERE = { name: 'anna', address: '192.0.2.1' }

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work().catch(() => {})
  return performance.now() - start
}

/** The fastest of a few: anything else on this machine only makes them slower. */
async function fastest(work: () => Promise<unknown>): Promise<number> {
  return Math.min(await timed(work), await timed(work), await timed(work))
}

t.test('a password is slow to check once', async t => {
  const check = createPasswordCheck(admins)
  const right = () => check({ ...HERE, password: 'right' })
  const wrong = (n: number) => check({ ...HERE, password: `wrong ${n}` })
  const slow = await timed(right)
  const fast = await fastest(right)
  t.ok(fast < slow / 5, `${fast} ms after ${slow} ms`)
  t.ok((await timed(() => wrong(1))) > fast * 2, 'each new wrong one is slow')
  t.ok((await timed(() => wrong(2))) > fast * 2)
  t.ok((await fastest(() => wrong(2))) < slow / 5, 'one that was refused is refused at once')
  const elsewhere = () => check({ ...HERE, address: '192.0.2.2', password: 'wrong 2' })
  t.ok((await timed(elsewhere)) > fast * 2, 'but nobody else learns from it what somebody mistyped')
})

t.test('one that comes many times at once is checked once', async t => {
  const check = createPasswordCheck(admins)
  const many = Array.from({ length: 100 }, () => check({ ...HERE, password: 'right' }))
  t.equal(new Set(await Promise.all(many)).size, 1)
})

t.test(
  'a few are checked at once, some wait, the rest are told to come back; who is known passes',
  async t => {
    const check = createPasswordCheck(admins)
    await check({ ...HERE, password: 'right' })
    const guesses = Array.from({ length: 40 }, (_, i) =>
      check({ name: 'anna', password: `guess ${i}`, address: `203.0.113.${i}` }),
    )
    const settled = Promise.allSettled(guesses)
    t.ok((await fastest(() => check({ ...HERE, password: 'right' }))) < 50)
    const refusals = (await settled).map(guess => (guess.status === 'rejected' ? guess.reason : undefined))
    t.equal(refusals.filter(({ word }) => word === 'unauthorized').length, 18)
    const later = refusals.filter(({ word }) => word === 'too_many_requests')
    t.equal(later.length, 22)
    t.match(later[0], { headers: { 'Retry-After': '1' } })
    await t.rejects(check({ name: 'anna', password: 'guess 39', address: '203.0.113.39' }), {
      name: 'CouchError',
      message: /incorrect/,
    })
  },
)

t.test('without admins nobody is one', async t => {
  await t.rejects(createPasswordCheck([])({ ...HERE, password: '' }), { name: 'CouchError', status: 401 })
})
