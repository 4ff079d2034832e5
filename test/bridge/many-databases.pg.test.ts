import { setTimeout as sleep } from 'node:timers/promises'
import file, { type Test } from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { eventually } from '../fixtures/eventually.ts'
import { heldBy as heldByProcess, type MostHeld, watchHeld } from '../fixtures/held-by-process.ts'
import { heldBy } from '../fixtures/held-statement.ts'
import { requestsOf } from '../fixtures/mirror.ts'
import { query } from '../fixtures/query.ts'
import { rounds } from '../fixtures/rounds.ts'
import { serverProcess } from '../fixtures/server-process.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'
import { sessionDoc } from '../fixtures/workout.ts'

const DATABASES = rounds(300, 10_000)
const ACTIVE = rounds(20, 100)
const BURST = rounds(100, 1000)
const PENDING = rounds(5000, 100_000)
const PAGE = 1000

/** Generous: what is tested is that it is bounded, on machines that do other things too. */
const LONGEST_LAG_MS = 20_000
/** Four workers, the feed and the search. */
const MAX_CONNECTIONS = 6
const MAX_RESIDENT_MB = 400
const MAX_DESCRIPTORS = 100

const names = Array.from({ length: DATABASES }, (_, index) => userDbName(`user-${index}`))
const [large = ''] = names
/** As many as a bridge has workers. */
const LARGE = names.slice(0, 4)
const PENDING_EACH = rounds(5000, 25_000)
/** Few enough to be served while the large ones, which get every fourth turn, have three pages more each. */
const SMALL = names.slice(-24)

const server = await serverProcess(file)
const databaseUrl = await throwawayDatabase(file)
const request = requestsOf(server)
const sql = (text: string, values: readonly unknown[] = []) => query(databaseUrl, text, values)
await inParallel(names, 16, name => request('PUT', name))
let bridge = bridgeProcess(file, server.adminUrl, databaseUrl, 'error')

file.test('a first start looks at every database once', async t => {
  const [watched, started] = [watch(), Date.now()]
  await untilClean()
  const [row] = await sql(`select count(*)::int as n from divan.checkpoints where database like 'userdb-%'`)
  t.equal(row?.n, DATABASES)
  tell(t, `${DATABASES} databases at a first start: ${Date.now() - started} ms`, await watched.stop())
})

file.test('a later start looks at none', async t => {
  const looked = 'select max(mirrored_at) as at from divan.checkpoints'
  const [before] = await sql(looked)
  await bridge.kill()
  const started = Date.now()
  bridge = bridgeProcess(file, server.adminUrl, databaseUrl, 'error')
  await bridge.ready
  t.comment(`a later start: ${Date.now() - started} ms, ${heldByProcess(bridge.pid).residentMb} MB`)
  const [after] = await sql(looked)
  t.strictSame(after, before)
  await bridge.kill()
})

file.test('those with very many pending changes give way to those that were just written to', async t => {
  for (const name of LARGE) await fill(name, PENDING_EACH)
  const held = await heldBy(t, databaseUrl, 'workout_sessions')
  bridge = bridgeProcess(file, server.adminUrl, databaseUrl, 'error')
  const [watched, started] = [watch(), Date.now()]
  await bridge.ready
  await eventually(async () => {
    const [row] = await sql(
      `select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted`,
    )
    return row?.n === LARGE.length
  }, 'every worker has a large one in its hands')
  await inParallel(SMALL, 8, name => write(name))
  await eventually(async () => {
    const [row] = await sql('select count(*)::int as n from divan.dirty_databases where database = any($1)', [
      SMALL,
    ])
    return row?.n === SMALL.length
  }, 'the small ones are marked')
  await held.release()
  await untilClean(240_000)
  tell(
    t,
    `${LARGE.length} databases with ${PENDING_EACH} pending changes, and ${SMALL.length} others: ${Date.now() - started} ms`,
    await watched.stop(),
  )
  await sql('drop trigger wait_there on workout_sessions')
  const [row] = await sql(
    `select count(*)::int as n from divan.checkpoints
      where database = any($1) and mirrored_at < (select min(mirrored_at) from divan.checkpoints where database = any($2))`,
    [SMALL, LARGE],
  )
  t.ok(Number(row?.n) >= SMALL.length * 0.75, `${row?.n} were mirrored before the first large one`)
  const [count] = await sql('select count(*)::int as n from workout_sessions')
  t.equal(count?.n, LARGE.length * PENDING_EACH + SMALL.length)
})

file.test(
  'while some are written to, others burst and one has very many changes, no database waits long',
  async t => {
    const watched = watch()
    const lag = writesWithLag()
    const filling = fill(large, PENDING)
    const burst = inParallel(names.slice(0, BURST), 8, name => lag.write(name))
    const active = Promise.all(
      names.slice(-ACTIVE).map(async name => {
        for (let round = 0; round < 5; round++) {
          await sleep(Math.random() * rounds(200, 4000))
          await lag.write(name)
        }
      }),
    )
    await Promise.all([filling, burst, active])
    await untilClean(rounds(240_000, 1_800_000))
    const longest = await lag.longest()
    tell(t, `the longest from a commit to its row: ${longest} ms`, await watched.stop())
    t.ok(longest < LONGEST_LAG_MS, `${longest} ms`)
  },
)

function watch() {
  return watchHeld({ pid: bridge.pid, databaseUrl, application: 'divan-bridge' })
}

function tell(t: Test, what: string, { connections, descriptors, residentMb }: MostHeld): void {
  t.comment(`${what}; at most ${connections} connections, ${descriptors} descriptors, ${residentMb} MB`)
  t.ok(connections <= MAX_CONNECTIONS, `${connections} connections`)
  t.ok((descriptors ?? 0) <= MAX_DESCRIPTORS, `${descriptors} descriptors`)
  t.ok((residentMb ?? 0) <= MAX_RESIDENT_MB, `${residentMb} MB`)
}

/** Patient: what is tested is that the end is reached, on machines that do other things too. */
async function untilClean(withinMs = rounds(60_000, 1_800_000)): Promise<void> {
  await bridge.ready
  // Marks follow the server's feed: what is not marked yet must not look clean.
  const isClean = async () => {
    const [feed] = await sql('select cursor from divan.update_feed')
    const path = `_db_updates?since=${encodeURIComponent(String(feed?.cursor))}`
    const { results } = (await request('GET', path)) as { readonly results: readonly unknown[] }
    if (results.length > 0) return false
    const [dirty] = await sql('select count(*)::int as n from divan.dirty_databases')
    return dirty?.n === 0
  }
  await eventually(isClean, 'all databases are clean', withinMs)
}

async function write(name: string): Promise<string> {
  const { _id, ...doc } = sessionDoc()
  await request('PUT', `${name}/${encodeURIComponent(_id)}`, doc)
  return _id
}

async function fill(name: string, count: number): Promise<void> {
  for (let done = 0; done < count; done += PAGE) {
    const docs = Array.from({ length: PAGE }, () => sessionDoc())
    await request('POST', `${name}/_bulk_docs`, { docs })
  }
}

/**
 * When what was written here was acknowledged, beside when Postgres committed the row: a column that only this test adds
 * says so, by the clock of the same machine.
 */
function writesWithLag() {
  const acknowledged = new Map<string, number>()
  const ready = sql(
    'alter table workout_sessions add column if not exists arrived_at timestamptz default clock_timestamp()',
  )
  return {
    async write(name: string): Promise<void> {
      await ready
      const id = await write(name)
      acknowledged.set(id, Date.now())
    },
    async longest(): Promise<number> {
      const rows = await sql(
        'select doc_id, extract(epoch from arrived_at) * 1000 as at from workout_sessions where doc_id = any($1)',
        [[...acknowledged.keys()]],
      )
      const lags = rows.map(row => Number(row.at) - (acknowledged.get(String(row.doc_id)) ?? Number.NaN))
      return rows.length === acknowledged.size ? Math.round(Math.max(...lags)) : Number.NaN
    },
  }
}

async function inParallel<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<unknown>) {
  const rest = items[Symbol.iterator]()
  const worker = async () => {
    for (let item = rest.next(); item.done !== true; item = rest.next()) await work(item.value)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
