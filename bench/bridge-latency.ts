import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { userDbName } from '../design-docs/user-db.ts'
import { randomOf } from '../test/fixtures/seeded-random.ts'
import { sessionDoc } from '../test/fixtures/workout.ts'
import { type BenchProgram, connected, heldBy, inParallel } from './bench-program.ts'
import { type Measured, percentile } from './measured.ts'

export type LatencyWork = {
  /** All of them, most of which are idle. */
  readonly databases: number
  readonly active: number
  readonly seconds: number
  /** Of all active databases together. */
  readonly writesPerSecond: number
}

/**
 * How long a change takes from the server's acknowledgement to its row, while a few of many databases are written to; and
 * what the many cost. Postgres itself says when a checkpoint is committed, so that nobody asks.
 */
export async function measureLatency(program: BenchProgram, work: LatencyWork): Promise<Measured[]> {
  const names = await makeDatabases(program, work.databases)
  const starting = performance.now()
  const pid = await program.startBridge()
  return await connected(program.databaseUrl, async sql => {
    await untilClean(sql)
    const startSeconds = (performance.now() - starting) / 1000
    const before = heldBy(pid)
    await listen(sql)
    const latencies = await writeAndWait(program, sql, { ...work, names: names.slice(0, work.active) })
    const held = heldBy(pid)
    await program.stopBridge()
    const many = `${work.databases.toLocaleString('en')} databases`
    return [
      { name: `bridge: a first start with ${many}, until all are looked at`, value: startSeconds, unit: 's' },
      { name: 'bridge: memory after that', value: before.residentMb, unit: 'MB' },
      {
        name: `commit to row, ${work.active} of ${many} active, ${work.writesPerSecond} writes/s, p50`,
        value: percentile(latencies, 0.5),
        unit: 'ms',
        goal: 'below 50',
      },
      { name: '  p99', value: percentile(latencies, 0.99), unit: 'ms', goal: 'below 250' },
      { name: '  the longest', value: Math.max(...latencies), unit: 'ms' },
      { name: '  writes', value: latencies.length, unit: '' },
      { name: 'bridge: memory after that', value: held.residentMb, unit: 'MB' },
      { name: 'bridge: descriptors', value: held.descriptors, unit: '' },
    ]
  })
}

async function makeDatabases(program: BenchProgram, count: number): Promise<string[]> {
  const random = randomOf(2)
  const names = Array.from({ length: count }, () => userDbName(random.uuid()))
  await inParallel(names, 32, name => program.request('PUT', name))
  return names
}

async function untilClean(sql: pg.Client): Promise<void> {
  for (let clean = false; !clean; await sleep(50)) {
    const { rows } = await sql.query(`select not exists (select from divan.dirty_databases) as clean`)
    clean = rows[0]?.clean === true
  }
}

async function listen(sql: pg.Client): Promise<void> {
  await sql.query(`
    create or replace function moved() returns trigger language plpgsql as $$
    begin perform pg_notify('moved', new.database); return null; end $$;
    create or replace trigger moved after update on divan.checkpoints for each row execute function moved();
    listen moved`)
}

type Writing = LatencyWork & { readonly names: readonly string[] }

/** Each active database is written to, and again some time after its row has come. */
async function writeAndWait(program: BenchProgram, sql: pg.Client, work: Writing): Promise<number[]> {
  const arrived = new Map<string, () => void>()
  sql.on('notification', ({ payload = '' }) => arrived.get(payload)?.())
  const end = performance.now() + work.seconds * 1000
  const meanPauseMs = (work.active / work.writesPerSecond) * 1000
  const latencies: number[] = []
  const writing = work.names.map(async name => {
    for (;;) {
      await sleep(Math.random() * 2 * meanPauseMs)
      if (performance.now() > end) return
      let rowAt = 0
      const row = new Promise<void>(resolve => {
        arrived.set(name, () => {
          rowAt = performance.now()
          resolve()
        })
      })
      const { _id, ...doc } = sessionDoc()
      await program.request('PUT', `${name}/${encodeURIComponent(_id)}`, doc)
      const acknowledged = performance.now()
      await row
      latencies.push(Math.max(0, rowAt - acknowledged))
    }
  })
  await Promise.all(writing)
  return latencies
}
