import t from 'tap'
import { type HttpClient, httpClient } from '../../fixtures/http-client.ts'
import { runningServer } from '../../fixtures/running-server.ts'

const server = await runningServer(t)
const BATCH = 10
/** RxDB's fetch does not say what it accepts. */
const ANY = { Accept: '*/*' }

type Row = { id: string; seq: string | null; deleted?: boolean; doc: { _id: string; _deleted?: boolean } }

/** A page as RxDB pulls it; values stand in the URL as they are. */
async function pull(mine: HttpClient, since: string): Promise<{ results: Row[]; last_seq: string }> {
  const query = `style=all_docs&feed=normal&include_docs=true&since=${since}&heartbeat=60000&limit=${BATCH}&seq_interval=${BATCH}`
  return (await mine.get(`/_changes?${query}`, ANY)).json
}

/** RxDB's push: the masters first, then the documents upon their revs. */
async function push(mine: HttpClient, docs: readonly { _id: string; [member: string]: unknown }[]) {
  const asked = { keys: docs.map(doc => doc._id), include_docs: true, deleted: 'ok' }
  const masters = (await mine.post('/_all_docs', asked)).json.rows
  const revised = docs.map((doc, i) => ({ _deleted: false, _rev: masters[i].doc?._rev, ...doc }))
  return (await mine.post('/_bulk_docs', { docs: revised })).json
}

t.test('RxDB pulls page by page, deletions with their documents', async t => {
  const mine = httpClient(`${server.url}/me`, server.bearer('pull'))
  const docs = Array.from({ length: 25 }, (_, i) => ({ _id: `doc-${i}` }))
  t.ok((await push(mine, docs)).every((row: { ok: boolean }) => row.ok))
  await push(mine, [{ _id: 'doc-3', _deleted: true, v: 1 }])

  const pages = []
  let since = '0'
  do {
    const page = await pull(mine, since)
    pages.push(page.results)
    since = page.last_seq
  } while (pages.at(-1)?.length === BATCH)
  t.strictSame(
    pages.map(page => page.length),
    [10, 10, 5],
  )
  const rows = pages.flat()
  t.ok(rows.every(row => row.doc._id === row.id))
  t.match(rows.at(-1), { id: 'doc-3', deleted: true, doc: { _deleted: true, v: 1 } })
})

t.test('RxDB waits from now on and misses nothing', async t => {
  const mine = httpClient(`${server.url}/me`, server.bearer('live'))
  await push(mine, [{ _id: 'a' }])
  const path =
    '/_changes?style=all_docs&feed=longpoll&include_docs=true&heartbeat=60000&limit=10&seq_interval=10'
  const now = (await mine.get(`${path}&since=now`, ANY)).json
  t.strictSame(now.results, [])
  const waiting = mine.get(`${path}&since=${now.last_seq}`, ANY)
  await push(mine, [{ _id: 'b' }])
  t.match((await waiting).json.results, [{ id: 'b', doc: { _id: 'b' } }])
})

t.test('for RxDB now is where its listing ended', async t => {
  let mine = httpClient(`${server.url}/me`, server.bearer('listing'))
  const askNow = async () =>
    (
      await mine.get(
        '/_changes?style=all_docs&feed=longpoll&since=now&include_docs=true&heartbeat=60000&limit=10&seq_interval=10',
        ANY,
      )
    ).json
  await push(mine, [{ _id: 'a' }])
  const listed = await pull(mine, '0')
  await push(mine, [{ _id: 'b' }])
  t.strictSame((await askNow()).last_seq, listed.last_seq, 'what was written since is still to come')
  t.match((await pull(mine, listed.last_seq)).results, [{ id: 'b' }])
  t.strictSame((await askNow()).last_seq, listed.last_seq, 'of two devices of a user the earlier one')
  mine = httpClient(`${server.url}/me`, `Bearer ${server.token('listing', 600)}`)
  t.strictSame((await askNow()).last_seq, listed.last_seq, 'with a token that was renewed in between, too')
  await server.restart()
  await push(mine, [{ _id: 'c' }])
  const { results } = await pull(mine, (await askNow()).last_seq)
  t.ok(
    results.some(({ id }) => id === 'c'),
    'also if the server was started again in between',
  )
})

t.test('RxDB’s keys stand in the URL as they are, and what beat its edit may be a tombstone', async t => {
  const mine = httpClient(`${server.url}/me`, server.bearer('keys'))
  const ids = ['a+b', 'c&limit=0', 'e=f&["g', 'h i', 'j"k', 'l%zm', 'n/o', '😀', "p'q", 'r]&s']
  await push(
    mine,
    ids.map(_id => ({ _id })),
  )
  const asked = async (keys: readonly string[]) =>
    (await mine.get(`/_all_docs?include_docs=true&keys=${JSON.stringify(keys)}`, ANY)).json.rows
  for (const id of ids) t.match(await asked([id]), [{ id, doc: { _id: id } }], id)
  t.match(
    await asked(ids),
    ids.map(id => ({ id })),
  )
  const encoded = new URLSearchParams({ keys: JSON.stringify(ids), limit: '3' })
  t.match(
    (await mine.get(`/_all_docs?${encoded}`)).json.rows.map((row: { id: string }) => row.id),
    ids.slice(0, 3),
  )
  t.match((await mine.get('/_all_docs?keys=["a+b","n/o"]&limit=1', ANY)).json.rows, [{ id: 'a+b' }])
  t.equal((await mine.get('/_all_docs?keys=["a+b&limit=1', ANY)).status, 400)
  await push(mine, [{ _id: 'a+b', _deleted: true, v: 1 }])
  t.match(await asked(['a+b']), [{ id: 'a+b', doc: { _deleted: true, v: 1 } }])
  const forOthers = await mine.get('/_all_docs?include_docs=true&keys=["a%2Bb"]')
  t.match(forOthers.json.rows, [{ id: 'a+b', doc: null }])
})

t.test('RxDB sees the conflict of its stale edit, with a master to merge with, deleted or not', async t => {
  const mine = httpClient(`${server.url}/me`, server.bearer('conflict'))
  const [first] = await push(mine, [{ _id: 'a', v: 1 }])
  await push(mine, [{ _id: 'a', v: 2 }])
  const stale = { _id: 'a', _rev: first.rev, _deleted: false, v: 3 }
  t.match((await mine.post('/_bulk_docs', { docs: [stale] })).json, [{ id: 'a', error: 'conflict' }])
  const master = await mine.get('/_all_docs?include_docs=true&keys=["a"]', ANY)
  t.match(master.json.rows, [{ id: 'a', doc: { v: 2 } }])

  await push(mine, [{ _id: 'a', _deleted: true, v: 2 }])
  const asked = { keys: ['a'], include_docs: true, deleted: 'ok' }
  t.match((await mine.post('/_all_docs', asked)).json.rows, [{ doc: { _id: 'a', _deleted: true, v: 2 } }])
})
