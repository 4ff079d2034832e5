import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { entities } from '../design-docs/catalogue.ts'
import { userDbName } from '../design-docs/user-db.ts'
import { type AnyDoc, entityDoc } from '../test/fixtures/entity-doc.ts'
import { randomOf } from '../test/fixtures/seeded-random.ts'
import { type BenchProgram, connected, cpuMs, inParallel } from './bench-program.ts'
import type { Measured } from './measured.ts'
import { familyCpuMs } from './process-times.ts'

/** How much is mirrored. */
export type RowsWork = { readonly databases: number; readonly docsPerDatabase: number }

/** The bridge's workers, and the size of its pages. */
const [BRIDGE_CONNECTIONS, BATCH_ROWS] = [4, 1000]

const SEED = 1
const mirrored = entities.filter(entity => entity.identity === 'client')

/**
 * How fast the bridge fills an empty mirror, beside raw inserts of the very same rows into tables of the same shape in the
 * same Postgres. The rows are those the mirror has at the end.
 */
export async function measureRows(program: BenchProgram, work: RowsWork): Promise<Measured[]> {
  await fillServer(program, work)
  const pid = await program.startBridge()
  const [started, used] = [performance.now(), usedBy(program, pid)]
  const rows = await connected(program.databaseUrl, sql => untilMirrored(sql, work))
  const rate = (1000 * rows) / (performance.now() - started)
  const now = usedBy(program, pid)
  const cpuOfRow = (part: keyof Used) => (1000 * (now[part] - used[part])) / rows
  await program.stopBridge()
  const raw = await rawRates(program, [1, BRIDGE_CONNECTIONS])
  const share = (of: RawRate | undefined) => (of === undefined ? Number.NaN : (100 * rate) / of.rate)
  return [
    { name: 'bridge: an empty mirror is filled', value: rate, unit: 'rows/s' },
    { name: '  of raw inserts on one connection', value: share(raw[0]), unit: '%', goal: 'at least 60' },
    { name: `  of raw inserts on ${BRIDGE_CONNECTIONS} connections`, value: share(raw[1]), unit: '%' },
    { name: '  processor time of the bridge itself', value: cpuOfRow('bridge'), unit: 'µs/row' },
    { name: '  of the server', value: cpuOfRow('server'), unit: 'µs/row' },
    { name: '  of Postgres', value: cpuOfRow('postgres'), unit: 'µs/row' },
    { name: '  of Postgres, for the raw inserts', value: raw[0]?.cpuOfRow ?? Number.NaN, unit: 'µs/row' },
  ]
}

/** Processor time, in milliseconds. Who has few cores reads off it what they are busy with. */
type Used = { readonly bridge: number; readonly server: number; readonly postgres: number }

function usedBy({ serverPid, postgresPid }: BenchProgram, bridgePid: number): Used {
  return { bridge: cpuMs(bridgePid), server: cpuMs(serverPid), postgres: familyCpuMs(postgresPid) }
}

async function fillServer(program: BenchProgram, { databases, docsPerDatabase }: RowsWork): Promise<void> {
  const random = randomOf(SEED)
  const names = Array.from({ length: databases }, () => userDbName(random.uuid()))
  await inParallel(names, 4, async name => {
    await program.request('PUT', name)
    for (let start = 0; start < docsPerDatabase; start += 500) {
      const count = Math.min(500, docsPerDatabase - start)
      const docs = Array.from({ length: count }, (_, index) => docOf(random, start + index))
      await program.request('POST', `${name}/_bulk_docs`, { docs })
    }
  })
}

function docOf(random: ReturnType<typeof randomOf>, place: number): AnyDoc {
  const entity = mirrored[place % mirrored.length]
  if (entity === undefined) throw new Error('there is no entity')
  return entityDoc(random, entity, `${entity.type}:${random.uuid()}`)
}

async function untilMirrored(sql: pg.Client, { databases, docsPerDatabase }: RowsWork): Promise<number> {
  for (;;) {
    const { rows } = await sql.query(
      `select count(mirrored_at) = $1 and not exists (select from divan.dirty_databases) as done
         from divan.checkpoints where database like 'userdb-%'`,
      [databases],
    )
    if (rows[0]?.done === true) break
    await sleep(20)
  }
  const counts = mirrored.map(({ table }) => `select count(*) as n from ${table}`).join(' union all ')
  const { rows } = await sql.query(`select sum(n) as rows from (${counts}) counts`)
  if (Number(rows[0].rows) !== databases * docsPerDatabase)
    throw new Error(`the mirror has ${rows[0].rows} rows`)
  return Number(rows[0].rows)
}

/** Rows of one table, each column as the text of an array. */
type RawBatch = { readonly insert: string; readonly arrays: readonly string[]; readonly rows: number }

/** Rows of a second, and what they cost Postgres. */
type RawRate = { readonly rate: number; readonly cpuOfRow: number }

/** For each number of connections, into empty tables each time. */
async function rawRates(program: BenchProgram, connections: readonly number[]): Promise<RawRate[]> {
  const { databaseUrl, postgresPid } = program
  const batches = await connected(databaseUrl, rawBatches)
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0)
  const rates: RawRate[] = []
  for (const count of connections) {
    await connected(databaseUrl, emptyRawTables)
    const used = familyCpuMs(postgresPid)
    const rate = rows / (await secondsOf(databaseUrl, batches, count))
    rates.push({ rate, cpuOfRow: (1000 * (familyCpuMs(postgresPid) - used)) / rows })
  }
  return rates
}

async function rawBatches(sql: pg.Client): Promise<RawBatch[]> {
  await sql.query('create schema raw')
  const batches: RawBatch[] = []
  for (const { table } of mirrored) batches.push(...(await batchesOf(sql, table)))
  return batches
}

async function emptyRawTables(sql: pg.Client): Promise<void> {
  await sql.query(`truncate ${mirrored.map(({ table }) => `raw.${table}`).join(', ')}`)
}

async function batchesOf(sql: pg.Client, table: string): Promise<RawBatch[]> {
  await sql.query(`create table raw.${table} (like ${table} including all)`)
  const { rows: columns } = await sql.query<{ readonly name: string; readonly type: string }>(
    `select quote_ident(attname) as name, format_type(atttypid, null) as type from pg_attribute
      where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [table],
  )
  const arrays = columns.map(({ name }) => `array_agg(${name}::text)::text`)
  const { rows: batches } = await sql.query({
    text: `select count(*), ${arrays.join(', ')}
             from (select *, row_number() over (order by ctid) / ${BATCH_ROWS} as batch from ${table}) t
            group by batch order by batch`,
    rowMode: 'array',
  })
  const values = columns.map(({ type }, index) => `$${index + 1}::${type}[]`)
  const insert = `insert into raw.${table} select * from unnest(${values.join(', ')})`
  return batches.map(([rows, ...texts]) => ({ insert, arrays: texts.map(String), rows: Number(rows) }))
}

/** The seconds that all batches take on so many connections. */
async function secondsOf(
  databaseUrl: string,
  batches: readonly RawBatch[],
  connections: number,
): Promise<number> {
  const open = Array.from({ length: connections }, () => new pg.Client(databaseUrl))
  await Promise.all(open.map(sql => sql.connect()))
  const started = performance.now()
  const rest = batches[Symbol.iterator]()
  const insertAll = async (sql: pg.Client) => {
    for (let next = rest.next(); next.done !== true; next = rest.next())
      await sql.query(next.value.insert, [...next.value.arrays])
  }
  await Promise.all(open.map(insertAll))
  const seconds = (performance.now() - started) / 1000
  await Promise.all(open.map(sql => sql.end()))
  return seconds
}
