import t from 'tap'
import {
  createGuessLimit,
  MAX_AT_ACCOUNT,
  MAX_FROM_NETWORK,
  WINDOW_MS,
} from '../../../server/auth/guess-limit.ts'

/** A limit, its clock, and a guess that fails: true if it was let through. */
function limitAt() {
  let now = 1000
  const told: string[] = []
  const limit = createGuessLimit({
    adminNames: ['admin', 'root'],
    onFull: ({ name, address }) => told.push(`${name} ${address}`),
    clock: () => now,
  })
  const isLetIn = (name: string, address: string) => {
    try {
      limit.count({ name, address })
      return true
    } catch {
      return false
    }
  }
  const wait = (ms: number) => {
    now += ms
  }
  return { limit, isLetIn, wait, told }
}

const address = (n: number) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
const times = (count: number) => Array.from({ length: count }, (_, i) => i)

t.test(
  'one network has so many guesses, whatever names it tries, then waits for the end of the window',
  async t => {
    const { limit, isLetIn, wait } = limitAt()
    for (const i of times(MAX_FROM_NETWORK)) t.equal(isLetIn(`name ${i}`, '203.0.113.9'), true)
    wait(1000)
    t.throws(() => limit.count({ name: 'admin', address: '203.0.113.9' }), {
      name: 'CouchError',
      status: 429,
      headers: { 'Retry-After': String(WINDOW_MS / 1000 - 1) },
    })
    t.equal(isLetIn('admin', '203.0.113.10'), true, 'others go on')
    wait(WINDOW_MS - 1001)
    t.equal(isLetIn('admin', '203.0.113.9'), false, 'what is refused makes the wait no longer')
    wait(1)
    t.equal(isLetIn('admin', '203.0.113.9'), true)
  },
)

t.test('an IPv6 network is one place', async t => {
  const { isLetIn } = limitAt()
  for (const i of times(MAX_FROM_NETWORK)) isLetIn('admin', `2001:db8:1:1::${i}`)
  t.equal(isLetIn('admin', '2001:db8:1:1:ffff::1'), false)
  t.equal(isLetIn('admin', '2001:db8:1:2::1'), true)
})

t.test('one account has so many from everywhere; whether it exists makes no difference', async t => {
  for (const name of ['admin', 'nobody']) {
    const { isLetIn, wait } = limitAt()
    for (const i of times(MAX_AT_ACCOUNT)) t.equal(isLetIn(name, address(i)), true)
    t.equal(isLetIn(name, '203.0.113.9'), false, name)
    t.equal(isLetIn('root', '203.0.113.9'), true, 'another account is not held up')
    wait(WINDOW_MS)
    t.equal(isLetIn(name, '203.0.113.9'), true)
  }
})

t.test('a right password forgets what failed before, and where it came from stays open', async t => {
  const { limit, isLetIn } = limitAt()
  for (const _ of times(MAX_FROM_NETWORK - 1)) isLetIn('admin', '203.0.113.9')
  limit.count({ name: 'admin', address: '203.0.113.9' }).wasRight()
  for (const _ of times(MAX_FROM_NETWORK)) t.equal(isLetIn('admin', '203.0.113.9'), true)
  t.equal(isLetIn('admin', '203.0.113.9'), false, 'but not for any number of guesses')

  limit.count({ name: 'admin', address: '203.0.113.77' }).wasRight()
  for (const i of times(MAX_AT_ACCOUNT + 1)) isLetIn('admin', address(i))
  t.equal(isLetIn('admin', '203.0.113.78'), false, 'the account is under attack')
  t.equal(isLetIn('admin', '203.0.113.77'), true, 'its admin is not kept out')
})

t.test('a guess that could not be checked does not count', async t => {
  const { limit, isLetIn } = limitAt()
  for (const _ of times(100)) limit.count({ name: 'admin', address: '203.0.113.9' }).wasNotChecked()
  t.equal(isLetIn('admin', '203.0.113.9'), true)
})

t.test('made-up names and addresses push out no admin’s count', async t => {
  const { isLetIn } = limitAt()
  for (const i of times(MAX_AT_ACCOUNT)) isLetIn('admin', address(i))
  for (const i of times(10_000)) isLetIn(`${'x'.repeat(100)} ${i}`, address(100 + i))
  for (const i of times(10_000)) isLetIn(`name ${i}`, address(20_000 + i))
  t.equal(isLetIn('admin', '203.0.113.9'), false)
})

t.test('where anybody may have an account, a right password takes back no guess at another', async t => {
  const max = { fromNetwork: 6, fromNetworkAtAccount: 3, atAccount: 5 }
  const limit = createGuessLimit({ adminNames: [], max, isOpenToAll: true, reason: 'Slowly.' })
  const from = (n: number, name: string) => limit.count({ name, address: address(n) })
  const refused = { status: 429, message: 'Slowly.' }
  for (const _ of times(3)) from(1, 'ann')
  t.throws(() => from(1, 'ann'), refused, 'one network at one account')
  for (const _ of times(100)) from(1, 'own').wasRight()
  t.throws(() => from(1, 'ann'), refused)
  for (const _ of times(3)) from(1, 'bert')
  t.throws(() => from(1, 'own'), refused, 'one network, whichever account')

  for (const _ of times(2)) from(2, 'ann')
  t.throws(() => from(3, 'ann'), refused, 'one account, from everywhere')
  from(3, 'carl')
})

t.test(
  'whoever knew his password is let in where others guess, though thousands log in after him',
  async t => {
    const max = { fromNetwork: 100, atAccount: 3 }
    const limit = createGuessLimit({ adminNames: [], isOpenToAll: true, max })
    const ann = { name: 'ann', address: '192.0.2.1' }
    limit.count(ann).wasRight()
    for (const i of times(10_000)) limit.count({ name: `user ${i}`, address: address(i) }).wasRight()
    for (const i of times(3)) limit.count({ name: 'ann', address: `203.0.113.${i}` })
    t.throws(() => limit.count({ name: 'ann', address: '203.0.113.9' }))
    t.doesNotThrow(() => limit.count(ann))
  },
)
