import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { rawRequest } from '../../fixtures/raw-request.ts'
import { type RunningServer, runningServer } from '../../fixtures/running-server.ts'

async function updates(server: RunningServer, query = '') {
  const headers = { authorization: server.basic }
  return rawRequest(server.url, `/_db_updates${query}`, { headers })
}

const doc = (id: string) => ({ kind: 'interactive', id, deleted: false, body: '{}' }) as const

t.test('each database once, at its last change', async t => {
  const server = await runningServer(t)
  await server.store.createDatabase('a')
  await server.store.createDatabase('b')
  await server.store.database('a')?.write([doc('x')])
  await server.store.createDatabase('c')
  await server.store.deleteDatabase('b')

  const all = JSON.parse((await updates(server)).body)
  t.match(
    all.results.map(({ db_name, type }: { db_name: string; type: string }) => `${db_name} ${type}`),
    ['_users created', 'a updated', 'c created', 'b deleted'],
  )
  t.equal(all.last_seq, all.results.at(-1).seq)

  const page = JSON.parse((await updates(server, '?limit=2')).body)
  t.equal(page.results.length, 2)
  t.equal(page.last_seq, page.results[1].seq)
  const rest = JSON.parse((await updates(server, `?since=${page.last_seq}`)).body)
  t.strictSame(rest.results, all.results.slice(2))
  t.strictSame(JSON.parse((await updates(server, '?since=now')).body), {
    results: [],
    last_seq: all.last_seq,
  })
  t.match(JSON.parse((await updates(server, '?since=99-ffff')).body), { results: all.results, rewound: true })
})

t.test('a longpoll ends at the first change, or at its timeout', async t => {
  const server = await runningServer(t)
  const { last_seq: since } = JSON.parse((await updates(server)).body)
  const waiting = updates(server, `?feed=longpoll&since=${since}&heartbeat=100`)
  await sleep(350)
  await server.store.createDatabase('a')
  const { body, headers } = await waiting
  t.equal(headers['x-accel-buffering'], 'no')
  t.match(JSON.parse(body), { results: [{ db_name: 'a', type: 'created' }] })
  t.match(body, /^\{"results":\[\n\n\n/, 'with heartbeats before')

  const start = Date.now()
  const empty = JSON.parse((await updates(server, '?feed=longpoll&since=now&timeout=200')).body)
  t.strictSame(empty.results, [])
  t.ok(Date.now() - start >= 190)
})

t.test('a continuous feed tells lines, and its place at the end', async t => {
  const server = await runningServer(t)
  const feed = updates(server, '?feed=continuous&timeout=300')
  for (const name of ['a', 'b']) {
    await sleep(100)
    await server.store.createDatabase(name)
  }
  const lines = (await feed).body
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
  t.match(lines, [{ db_name: '_users' }, { db_name: 'a' }, { db_name: 'b' }, { last_seq: String }])
  t.equal(lines[3].last_seq, lines[2].seq)

  const limited = await updates(server, '?feed=continuous&limit=1')
  t.match(
    limited.body
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    [{ db_name: '_users' }, {}],
  )
})

t.test('a longpoll whose place is led back is told so at once', async t => {
  const server = await runningServer(t)
  const { body } = await updates(server, '?feed=longpoll&since=7-00000000&heartbeat=10000')
  t.match(JSON.parse(body), { rewound: true, last_seq: /^1-/ })
  await server.store.createDatabase('a')
})

t.test('a server that closes ends its feeds in order', async t => {
  const server = await runningServer(t)
  const longpoll = updates(server, '?feed=longpoll&since=now&heartbeat=10000')
  const continuous = updates(server, '?feed=continuous&since=now&heartbeat=10000')
  await sleep(200)
  await server.close()
  t.match(await longpoll, { isWhole: true, body: /"last_seq":"1-\w+"\}\n$/ })
  t.match(await continuous, { isWhole: true, body: /\{"last_seq":"1-\w+"\}\n$/ })
  t.strictSame(JSON.parse((await longpoll).body).results, [])
})

t.test('parameters that do not fit are named', async t => {
  const server = await runningServer(t)
  for (const name of ['limit', 'timeout', 'heartbeat', 'feed']) {
    t.match(await updates(server, `?${name}=-1`), {
      status: 400,
      body: new RegExp(`query_parse_error.*${name}`),
    })
  }
})

t.test(
  'who has seen more updates than there are has the replication logs of all databases forgotten',
  async t => {
    const server = await runningServer(t)
    for (const name of ['a', 'b']) {
      await server.store.createDatabase(name)
      await server.store.database(name)?.writeLocalDoc('log', undefined, '{"last_seq":1}')
      await server.store.database(name)?.writeLocalDoc('app', undefined, '{"last":1}')
    }
    const left = () =>
      ['a', 'b'].flatMap(name =>
        server.store
          .database(name)
          ?.localDocs({ limit: 9, withBodies: false })
          .map(({ id }) => id),
      )
    const { last_seq } = JSON.parse((await updates(server)).body)
    for (const since of ['0', 'now', last_seq, '99', '2026-01-01T00:00:00Z'])
      await updates(server, `?since=${since}`)
    t.same(left(), ['app', 'log', 'app', 'log'])
    t.equal(
      JSON.parse((await updates(server, `?since=${last_seq.replace(/^\d+/, '1000')}`)).body).rewound,
      true,
    )
    t.same(left(), ['app', 'app'])
    t.equal(JSON.parse((await updates(server, '?since=now')).body).last_seq, last_seq)
  },
)
