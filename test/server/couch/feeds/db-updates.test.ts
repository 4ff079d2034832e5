import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { rawRequest } from '../../../fixtures/raw-request.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)

async function updates(query = '', { url, basic } = server) {
  return rawRequest(url, `/_db_updates${query}`, { headers: { authorization: basic } })
}

async function lastSeq(): Promise<string> {
  return JSON.parse((await updates('?since=now')).body).last_seq
}

const doc = (id: string) => ({ kind: 'interactive', id, deleted: false, body: '{}' }) as const

t.test('each database once, at its last change', async t => {
  await server.store.createDatabase('a')
  await server.store.createDatabase('b')
  await server.store.database('a')?.write([doc('x')])
  await server.store.createDatabase('c')
  await server.store.deleteDatabase('b')

  const all = JSON.parse((await updates()).body)
  t.match(
    all.results.map(({ db_name, type }: { db_name: string; type: string }) => `${db_name} ${type}`),
    ['_users created', 'a updated', 'c created', 'b deleted'],
  )
  t.equal(all.last_seq, all.results.at(-1).seq)

  const page = JSON.parse((await updates('?limit=2')).body)
  t.equal(page.results.length, 2)
  t.equal(page.last_seq, page.results[1].seq)
  const rest = JSON.parse((await updates(`?since=${page.last_seq}`)).body)
  t.strictSame(rest.results, all.results.slice(2))
  t.strictSame(JSON.parse((await updates('?since=now')).body), {
    results: [],
    last_seq: all.last_seq,
  })
  t.match(JSON.parse((await updates('?since=99-ffff')).body), { results: all.results, rewound: true })
})

t.test('a longpoll ends at the first change, or at its timeout', async t => {
  const waiting = updates(`?feed=longpoll&since=${await lastSeq()}&heartbeat=100`)
  await sleep(350)
  await server.store.createDatabase('d')
  const { body, headers } = await waiting
  t.equal(headers['x-accel-buffering'], 'no')
  t.match(JSON.parse(body), { results: [{ db_name: 'd', type: 'created' }] })
  t.match(body, /^\{"results":\[\n\n\n/, 'with heartbeats before')

  const start = Date.now()
  const empty = JSON.parse((await updates('?feed=longpoll&since=now&timeout=200')).body)
  t.strictSame(empty.results, [])
  t.ok(Date.now() - start >= 190)
})

t.test('a continuous feed tells lines, and its place at the end', async t => {
  const linesOf = async (query: string) =>
    (await updates(`?feed=continuous&${query}`)).body
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line))
  // The end comes with the third line: no time is too short for a busy machine.
  const feed = linesOf(`since=${await lastSeq()}&limit=3&timeout=60000`)
  for (const name of ['e', 'f', 'g']) {
    await sleep(50)
    await server.store.createDatabase(name)
  }
  const lines = await feed
  t.match(lines, [{ db_name: 'e' }, { db_name: 'f' }, { db_name: 'g' }, { last_seq: String }])
  t.equal(lines[3].last_seq, lines[2].seq)
  t.match(await linesOf('limit=1'), [{ db_name: '_users' }, {}])
  t.strictSame(await linesOf('since=now&timeout=100'), [{ last_seq: await lastSeq() }], 'its time is up')
})

t.test('a longpoll whose place is led back is told so at once', async t => {
  const { body } = await updates('?feed=longpoll&since=7-00000000&heartbeat=10000')
  t.strictSame(JSON.parse(body), {
    results: JSON.parse((await updates()).body).results,
    last_seq: await lastSeq(),
    rewound: true,
  })
})

t.test('parameters that do not fit are named', async t => {
  for (const name of ['limit', 'timeout', 'heartbeat', 'feed']) {
    t.match(await updates(`?${name}=-1`), {
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
    const { last_seq } = JSON.parse((await updates('', server)).body)
    for (const since of ['0', 'now', last_seq, '99', '2026-01-01T00:00:00Z'])
      await updates(`?since=${since}`, server)
    t.same(left(), ['app', 'log', 'app', 'log'])
    t.equal(
      JSON.parse((await updates(`?since=${last_seq.replace(/^\d+/, '1000')}`, server)).body).rewound,
      true,
    )
    t.same(left(), ['app', 'app'])
    t.equal(JSON.parse((await updates('?since=now', server)).body).last_seq, last_seq)
  },
)

t.test('a server that closes ends its feeds in order', async t => {
  const last_seq = await lastSeq()
  const longpoll = updates('?feed=longpoll&since=now&heartbeat=10000')
  const continuous = updates('?feed=continuous&since=now&heartbeat=10000')
  await sleep(200)
  await server.close()
  t.match(await longpoll, { isWhole: true, body: new RegExp(`"last_seq":"${last_seq}"\\}\\n$`) })
  t.match(await continuous, { isWhole: true, body: `{"last_seq":"${last_seq}"}\n` })
  t.strictSame(JSON.parse((await longpoll).body).results, [])
})
