import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { runningServer } from '../../fixtures/running-server.ts'

/** Guessing over HTTP, where a hash takes most of the time. Behind a proxy, so that a test can be in many places. */
const server = await runningServer(t, { trustProxy: true, bcryptCost: 10 })

type Answer = { readonly status: number; readonly json: unknown; readonly retryAfter: string | undefined }

async function post(path: string, from: string, body: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': from }
  const sent = { method: 'POST', headers, body: JSON.stringify(body) }
  const { status, body: text, headers: answered } = await rawRequest(server.url, `/api/auth/${path}`, sent)
  return { status, json: JSON.parse(text), retryAfter: answered['retry-after'] }
}
const login = (from: string, email: string, password: string) => post('login', from, { email, password })
const times = (count: number) => Array.from({ length: count }, (_, i) => i)
const statusesOf = (answers: readonly Answer[]) => answers.map(({ status }) => status)

const ANN = 'ann@example.org'
const PASSWORD = 'correct horse'
const signedUp = await post('signup', '192.0.2.1', { email: ANN, password: PASSWORD })
t.equal(signedUp.status, 201)

t.test('neither the answer nor its time tells which emails have accounts', async t => {
  const ms: Record<string, number[]> = { [ANN]: [], 'nobody@example.org': [], 'no address': [] }
  for (const i of times(4)) {
    for (const [j, [email, all]] of Object.entries(ms).entries()) {
      const begun = performance.now()
      const { status, json } = await login(`198.51.100.${10 * i + j}`, email, `guess ${i}`)
      all.push(performance.now() - begun)
      t.strictSame([status, json], [401, { error: 'The email or the password is wrong.' }])
    }
  }
  // The fastest of each: anything else on this machine only makes them slower.
  const [known = 0, ...others] = Object.values(ms).map(all => Math.min(...all))
  for (const unknown of others)
    t.ok(known / unknown > 0.6 && known / unknown < 1.7, `known ${known} ms, unknown ${unknown} ms`)
  t.ok(known > 15, 'it is hashed')
})

t.test('after ten wrong passwords for one account a network waits; others do not', async t => {
  const from = '203.0.113.1'
  // The same one each time: it counts too, also when it comes many times at once.
  t.strictSame(
    statusesOf(await Promise.all(times(7).map(() => login(from, ANN, 'guess')))),
    times(7).fill(401),
  )
  t.equal((await login(from, ANN, PASSWORD)).status, 200, 'he knows it after all')
  t.strictSame(
    statusesOf(await Promise.all(times(10).map(() => login(from, ANN, 'guess')))),
    times(10).fill(401),
  )
  const refused = await login(from, ANN, PASSWORD)
  t.strictSame(refused.json, { error: 'Too many wrong passwords: try again later.' })
  t.equal(refused.status, 429, 'not even the right one')
  const seconds = Number(refused.retryAfter)
  t.ok(seconds > 280 && seconds <= 300, `${seconds} s`)

  t.equal((await login('203.0.113.2', ANN, PASSWORD)).status, 200)
  const other = { email: 'bert@example.org', password: PASSWORD }
  t.equal((await post('signup', from, other)).status, 201, 'nor do other accounts')
  t.equal((await login(from, other.email, PASSWORD)).status, 200)

  await Promise.all(times(10).map(() => login(from, 'nobody@example.org', 'guess')))
  t.strictSame(await login(from, 'nobody@example.org', 'guess'), refused, 'an unknown email is refused alike')
})

t.test('the same right login many times at once is one', async t => {
  const all = await Promise.all(times(40).map(() => login('203.0.113.3', ANN, PASSWORD)))
  t.strictSame(statusesOf(all), times(40).fill(200))
})

t.test('no network makes any number of accounts, or asks for any number of emails', async t => {
  const sent = times(210).map(() => post('signup', '203.0.113.4', { email: ANN, password: PASSWORD }))
  const statuses = statusesOf(await Promise.all(sent))
  t.equal(statuses.filter(status => status === 400).length, 200)
  t.equal(statuses.filter(status => status === 429).length, 10)
})

t.test('requests go on while passwords are hashed, and one network’s hold up no other’s', async t => {
  const storm = Promise.all(times(16).map(i => login('203.0.113.5', `user ${i}`, 'guess')))
  await wait(50)
  let isOver = false
  const over = storm.finally(() => {
    isOver = true
  })
  for (const _ of times(20)) await rawRequest(server.url, '/health')
  t.equal((await login('203.0.113.6', ANN, PASSWORD)).status, 200)
  t.notOk(isOver, 'all that was answered before the storm was over')
  t.strictSame(statusesOf(await over), times(16).fill(401))
})
