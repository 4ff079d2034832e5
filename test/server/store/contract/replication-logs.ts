import type { Test } from 'tap'
import type { Database } from '../../../../server/store/store.ts'
import { interactive, type Subject, store as storeOne } from './subject.ts'

type Case = { readonly id: string; readonly doc: object; readonly isLog: boolean }

const CASES: readonly Case[] = [
  {
    id: 'ybXBDkmeZxPT6tK04KG.aw==',
    doc: {
      session_id: 'A-1',
      history: [{ last_seq: 7, session_id: 'A-1' }],
      replicator: 'pouchdb',
      version: 1,
      last_seq: 7,
    },
    isLog: true,
  },
  { id: 'what PouchDB writes when only its own log is left', doc: { last_seq: 0 }, isLog: true },
  {
    id: 'b3e44b920ee2951cb2e123b63044427a',
    doc: {
      session_id: '20b3',
      source_last_seq: '5-g1AAAACR',
      replication_id_version: 4,
      history: [{ session_id: '20b3', recorded_seq: '5-g1AAAACR' }],
    },
    isLog: true,
  },
  { id: 'Cloudant Sync’s', doc: { lastSequence: '12' }, isLog: true },
  { id: 'a session before its first sequence', doc: { session_id: 'x', history: [] }, isLog: true },
  { id: 'a sequence that is null', doc: { last_seq: null }, isLog: true },
  { id: 'pull:phone-1', doc: { told: [{ syncTime: 1, seq: '1-a' }] }, isLog: false },
  { id: 'an app’s', doc: { settings: { last_seq: 1 }, history: [1] }, isLog: false },
  { id: 'a log-in', doc: { session_id: 'x' }, isLog: false },
  { id: 'a log-in with a history that is no list', doc: { session_id: 'x', history: 'long' }, isLog: false },
  { id: 'empty', doc: {}, isLog: false },
  { id: 'with \u0000 and \u0001', doc: { last_seq: 1 }, isLog: true },
  { id: 'longer than any log', doc: { last_seq: 1, x: 'x'.repeat(2_000_000) }, isLog: false },
]

const idsOf = (database: Database) =>
  database.localDocs({ withBodies: false, limit: 10_000 }).map(({ id }) => id)
const expected = (isLog: boolean) =>
  CASES.filter(one => one.isLog === isLog)
    .map(({ id }) => id)
    .sort()

/** Replication logs are forgotten; other local docs stay. */
export async function replicationLogsSuite(t: Test, { store, newDatabase }: Subject): Promise<void> {
  const filled = async () => {
    const database = await newDatabase()
    await storeOne(database, interactive('doc'))
    await Promise.all(CASES.map(({ id, doc }) => database.writeLocalDoc(id, undefined, JSON.stringify(doc))))
    return database
  }

  await t.test('what a replicating client keeps is told from what an app keeps', async t => {
    const [database, other] = [await filled(), await filled()]
    const update = store.updatesPlace('now')
    await database.forgetReplicationLogs()
    t.same(idsOf(database).sort(), expected(false))
    t.equal(idsOf(other).length, CASES.length, 'those of another database stay')
    t.equal(database.facts().updateSeq, 1, 'it is no change')
    t.same(store.updatesPlace('now'), update)
  })

  await t.test('what cannot be looked into is no log, and holds nothing up', async t => {
    const database = await newDatabase()
    const deep = `{"last_seq":1,"deep":${'['.repeat(5000)}${']'.repeat(5000)}}`
    await database.writeLocalDoc('deep', undefined, deep)
    await database.writeLocalDoc('log', undefined, '{"last_seq":1}')
    await database.forgetReplicationLogs()
    t.same(idsOf(database), ['deep'])
  })

  await t.test('once in a run of the store: what is written afterwards stays', async t => {
    const database = await newDatabase()
    await database.forgetReplicationLogs()
    await database.writeLocalDoc('log', undefined, '{"last_seq":1}')
    await Promise.all([database.forgetReplicationLogs(), store.forgetReplicationLogs()])
    t.same(idsOf(database), ['log'])
  })

  await t.test('thousands of logs are forgotten in slices', async t => {
    const database = await newDatabase()
    const ids = Array.from({ length: 2500 }, (_, i) => `log-${String(i).padStart(4, '0')}`)
    await Promise.all(
      ids.map((id, i) => database.writeLocalDoc(id, undefined, i % 5 === 0 ? '{}' : '{"last_seq":1}')),
    )
    await database.forgetReplicationLogs()
    t.same(
      idsOf(database),
      ids.filter((_, i) => i % 5 === 0),
    )
  })

  await t.test('a deleted database has none to forget', async t => {
    const database = await filled()
    const forgetting = database.forgetReplicationLogs()
    await store.deleteDatabase(database.name)
    await forgetting
    await t.rejects(database.forgetReplicationLogs(), { name: 'CouchError', word: 'not_found' })
  })

  await t.test('the uuid is another one at most once in a run, and never for one database', async t => {
    await store.forgetReplicationLogs()
    const { uuid } = store
    await (await newDatabase()).forgetReplicationLogs()
    await Promise.all([store.forgetReplicationLogs(), store.forgetReplicationLogs()])
    t.equal(store.uuid, uuid)
  })

  await t.test('those of all databases at once', async t => {
    const databases = await Promise.all([filled(), filled()])
    await store.forgetReplicationLogs()
    for (const database of databases) t.same(idsOf(database).sort(), expected(false))
  })
}
