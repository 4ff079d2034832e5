import pg from 'pg'
import t, { type Test } from 'tap'
import { columnsOf, mappedFields, quoted } from '../../../bridge/mapping/columns.ts'
import { type DocVersion, writeRows } from '../../../bridge/mapping/row.ts'
import { makeRowTypes, readRowTypes } from '../../../bridge/mapping/row-type.ts'
import { tableDdl } from '../../../bridge/mapping/table-ddl.ts'
import { deleteDocsSql, rowsParameter, upsertSql } from '../../../bridge/mapping/upsert.ts'
import { WireRows } from '../../../bridge/mapping/wire-rows.ts'
import { entities } from '../../../design-docs/catalogue.ts'
import { checkDoc } from '../../../design-docs/check-doc.ts'
import { account } from '../../../design-docs/entities/account.ts'
import { metrics } from '../../../design-docs/entities/metrics.ts'
import { record } from '../../../design-docs/entities/record.ts'
import { session } from '../../../design-docs/entities/session.ts'
import type { Entity } from '../../../design-docs/entity.ts'
import { isJsonObject, type JsonObject, memberOf } from '../../../design-docs/json-object.ts'
import { uuidV5 } from '../../../design-docs/uuid.ts'
import { leastDoc, randomDoc, randomFrom, UUID } from '../../design-docs/random-docs.ts'
import { readSpecified, SPECIFIED_TABLES, type SpecifiedLine } from '../../design-docs/specified.ts'
import { type Row, rowsOf } from '../../fixtures/decoded-rows.ts'
import { throwawayDatabase } from '../../fixtures/throwaway-database.ts'

const USER = '11111111-2222-4333-8444-555555555555'

/** A connection whose settings are none that a server has by itself: no statement may depend on them. */
async function connect(t: Test): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: await throwawayDatabase(t) })
  t.teardown(() => client.end())
  await client.connect()
  await client.query(
    "set timezone to 'America/St_Johns'; set datestyle to 'SQL, DMY'; set search_path to public",
  )
  await client.query('create schema divan')
  await makeRowTypes(client, entities)
  for (const sql of entities.flatMap(tableDdl)) await client.query(sql)
  return client
}

function versionOf(doc: JsonObject, userUuid = USER): DocVersion {
  return { userUuid, doc, rev: '1-a', seq: '1-e' }
}

async function upsert(client: pg.Client, entity: Entity, ...versions: readonly DocVersion[]): Promise<void> {
  const rows = new WireRows()
  for (const version of versions) if (!writeRows(rows, entity, version)) throw new Error('it does not fit')
  const parameter = rowsParameter(entity, { rows, from: 0, to: rows.count }, await readRowTypes(client))
  await client.query(upsertSql(entity), [parameter])
}

async function count(client: pg.Client, entity: Entity): Promise<number> {
  const { rows } = await client.query(`select count(*)::int as n from ${quoted(entity.table)}`)
  return rows[0].n
}

/** What a table holds, by id: numbers as JSON has them, times as epoch milliseconds. */
async function storedRows(client: pg.Client, entity: Entity): Promise<ReadonlyMap<unknown, JsonObject>> {
  const times = columnsOf(entity).filter(column => column.type === 'timestamptz')
  const pairs = times.map(({ name }) => `'${name}', extract(epoch from ${quoted(name)}) * 1000`)
  const sql = `select row_to_json(t) as row, json_build_object(${pairs.join(', ')}) as times from ${quoted(entity.table)} t`
  const { rows } = await client.query(sql)
  return new Map(rows.map(({ row, times }) => [row.id, { ...row, ...times }]))
}

/** The row as `storedRows` reads it, its times taken from the document instead of the mapping. */
function expectedRow(entity: Entity, doc: JsonObject, row: Row): JsonObject {
  const times = mappedFields(entity.fields).filter(({ field }) => field.kind === 'time')
  const epochs = times.map(({ member, column }) => [column, memberOf(doc, member) ?? null])
  return JSON.parse(JSON.stringify({ ...row, ...Object.fromEntries(epochs) }))
}

t.test('the tables are those that were specified', async t => {
  const client = await connect(t)
  const specified = readSpecified(SPECIFIED_TABLES)
  for (const { table } of entities) {
    const { rows } = await client.query(
      `select column_name as name, is_nullable = 'YES' as nullable, column_default as "default",
              data_type || coalesce('(' || character_maximum_length || ')', '') as type
       from information_schema.columns where table_schema = 'public' and table_name = $1 order by ordinal_position`,
      [table],
    )
    t.strictSame(
      rows.map(row => ({ ...row })),
      [
        fixed('id', 'uuid'),
        ...(specified.get(table) ?? []).map(line => expectedColumn(table, line)),
        ...OF_EVERY_TABLE,
      ],
      table,
    )
  }
})

const TYPES: { readonly [type: string]: string } = {
  float: 'double precision',
  long: 'bigint',
  bool: 'boolean',
  timestamp: 'timestamp with time zone',
}

const OF_EVERY_TABLE = ['doc_id', 'rev', 'update_seq'].map(name => fixed(name, 'text'))

function fixed(name: string, type: string): object {
  return { name, nullable: false, default: null, type }
}

function expectedColumn(table: string, line: SpecifiedLine): object {
  const isId = line.type === 'uuid' && line.name !== 'user_id'
  const type = isId ? 'text' : (TYPES[line.type] ?? line.type.replace('varchar', 'character varying'))
  const text = `'${line.default}'::${type.replace(/\(.*/, '')}`
  const value = typeof line.default === 'string' ? text : line.default?.toString()
  const nullable = line.nullable || line.name === 'device_id' || (table === 'users' && line.name === 'email')
  return { name: line.name, nullable, default: value ?? null, type }
}

t.test('nothing but the id is unique and nothing refers by force', async t => {
  const client = await connect(t)
  const tables = entities.map(entity => entity.table)
  const { rows } = await client.query(
    `select i.indrelid::regclass::text as table from pg_index i
     where i.indisunique and i.indrelid::regclass::text = any($1) order by 1`,
    [tables],
  )
  t.same(
    rows.map(row => row.table),
    [...tables].sort(),
  )
  t.same((await client.query("select conname from pg_constraint where contype = 'f'")).rows, [])
})

t.test('making the tables again is harmless', async t => {
  const client = await connect(t)
  await upsert(client, record, versionOf(leastDoc(record)))
  for (const sql of entities.flatMap(tableDdl)) await client.query(sql)
  t.equal(await count(client, record), 1)
})

t.test('an upsert replaces the whole row, and only its own', async t => {
  const client = await connect(t)
  const doc = leastDoc(session)
  await upsert(client, session, versionOf({ ...doc, rpe: 7 }))
  await upsert(client, session, versionOf({ ...doc, mode: 'other' }, UUID))
  await upsert(client, session, {
    userUuid: USER,
    doc: { ...doc, deletedAt: 5000 },
    rev: '2-b',
    seq: '9',
  })
  const { rows } = await client.query(
    'select user_id, mode, rpe, rev, update_seq from workout_sessions order by rev desc',
  )
  t.same(rows, [
    { user_id: USER, mode: 'some', rpe: null, rev: '2-b', update_seq: '9' },
    { user_id: UUID, mode: 'other', rpe: null, rev: '1-a', update_seq: '1-e' },
  ])
  const [row] = [...(await storedRows(client, session)).values()].filter(each => each.user_id === USER)
  t.equal(row?.deleted_at, 5000)
})

t.test('of two rows with one id the last is stored', async t => {
  const client = await connect(t)
  const doc = leastDoc(account)
  const renamed = { ...doc, _id: 'org.couchdb.user:new@example.org', displayName: 'New' }
  await upsert(client, account, versionOf(doc), versionOf(renamed))
  t.match((await client.query('select display_name from users')).rows, [{ display_name: 'New' }])
})

t.test('the rows of a document are removed for one user only', async t => {
  const client = await connect(t)
  const doc = { ...leastDoc(metrics), samples: [{ timestamp: 1 }, { timestamp: 2 }] }
  const other = { ...doc, _id: `metrics:${UUID}:1` }
  await upsert(client, metrics, versionOf(doc), versionOf(other))
  await upsert(client, metrics, versionOf(doc, UUID))
  t.equal(await count(client, metrics), 6)
  await client.query(deleteDocsSql(metrics), [
    JSON.stringify([{ user_id: USER, doc_id: `metrics:${UUID}:0` }]),
  ])
  t.equal(await count(client, metrics), 4)
})

t.test('an account is removed by its document, and a newer document of the same user stays', async t => {
  const client = await connect(t)
  const old = leastDoc(account)
  const renamed = { ...old, _id: 'org.couchdb.user:new@example.org' }
  await upsert(client, account, versionOf(old))
  await upsert(client, account, versionOf(renamed))
  await client.query(deleteDocsSql(account), [JSON.stringify([{ doc_id: old._id }])])
  t.equal(await count(client, account), 1)
  await client.query(deleteDocsSql(account), [JSON.stringify([{ doc_id: renamed._id }])])
  t.equal(await count(client, account), 0)
})

t.test('the longest ids and references fit the indexes', async t => {
  const client = await connect(t)
  const random = randomFrom(1)
  const wide = (length: number) =>
    Array.from({ length }, () => String.fromCodePoint(0x10000 + Math.floor(random() * 0xfffff))).join('')
  const clientId = wide(600 - 'record:phone:'.length)
  const doc = { ...leastDoc(record), _id: `record:phone:${clientId}`, clientId, sessionId: wide(600) }
  t.same(checkDoc(record, doc), [])
  await upsert(client, record, versionOf(doc))
  const sessionId = wide(600 - 'metrics::'.length)
  const chunk = { ...leastDoc(metrics), _id: `metrics:${sessionId}:`, sessionId }
  t.same(checkDoc(metrics, chunk), [])
  await upsert(client, metrics, versionOf(chunk))
  t.equal((await count(client, record)) + (await count(client, metrics)), 2)
})

t.test('the least and the greatest values are stored as they are', async t => {
  const client = await connect(t)
  const extremes: readonly JsonObject[] = [
    {
      targetReps: -(2 ** 31),
      timestamp: -(2 ** 53) + 1,
      weightPerCableKg: 5e-324,
      createdAt: -210_866_803_200_000,
    },
    { targetReps: 2 ** 31 - 1, timestamp: 2 ** 53 - 1, progressionKg: Number.MAX_VALUE, updatedAt: 8.64e15 },
    {
      mode: '\u{10ffff}'.repeat(50),
      exerciseName: `'"\\$1 -- \u0001\u2028\ufeff\uffff\n\t `,
      exerciseId: '',
    },
    { weightPerCableKg: 0.1 + 0.2, createdAt: 8.64e15 - 1, updatedAt: -62_135_596_800_001, deletedAt: -1 },
  ]
  for (const change of extremes) {
    const doc = { ...leastDoc(session), ...change }
    t.same(checkDoc(session, doc), [])
    const [row = {}] = rowsOf(session, versionOf(doc)) ?? []
    await upsert(client, session, versionOf(doc))
    t.strictSame((await storedRows(client, session)).get(row.id), expectedRow(session, doc, row))
  }
})

t.test('whatever the check accepts is stored, and read back as it was', async t => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const client = await connect(t)
  const random = randomFrom(seed)
  for (const entity of entities) {
    const expected = new Map<unknown, JsonObject>()
    const versions: DocVersion[] = []
    for (let round = 0; round < 250; round++) {
      const doc = randomDoc(entity, random)
      if (checkDoc(entity, doc).length > 0) continue
      const version = versionOf(doc, uuidV5(USER, String(round)))
      versions.push(version)
      for (const row of rowsOf(entity, version) ?? []) expected.set(row.id, expectedRow(entity, doc, row))
    }
    t.ok(expected.size > 50, `${expected.size} rows of ${entity.type} were accepted`)
    await upsert(client, entity, ...versions)
    const stored = await storedRows(client, entity)
    t.equal(stored.size, expected.size)
    const wrong = [...expected].filter(([id, row]) => !same(stored.get(id), row))
    t.same(
      wrong.map(([id, row]) => ({ stored: stored.get(id), row })).slice(0, 1),
      [],
      `${entity.type} as it was`,
    )
  }
})

function same(stored: JsonObject | undefined, expected: JsonObject): boolean {
  if (!isJsonObject(stored)) return false
  const names = new Set([...Object.keys(stored), ...Object.keys(expected)])
  return [...names].every(name => stored[name] === expected[name])
}
