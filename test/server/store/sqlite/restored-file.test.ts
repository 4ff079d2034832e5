import { copyFileSync } from 'node:fs'
import t from 'tap'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import type { Store } from '../../../../server/store/store.ts'
import { databaseOf, interactive, store as storeOne } from '../contract/subject.ts'

/** Opens, writes so many documents to `a`, and returns the open store. */
async function openAndWrite(file: string, prefix: string, count: number): Promise<Store> {
  const store = await openStore({ file })
  await store.createDatabase('a')
  const database = databaseOf(store, 'a')
  for (let n = 0; n < count; n++) await storeOne(database, interactive(`${prefix}${n}`))
  return store
}

t.test('a database takes a new epoch at its first commit after a start, and only then', async t => {
  const file = `${t.testdir()}/store.db`
  const first = await openAndWrite(file, 'x', 2)
  const before = databaseOf(first, 'a').sequence(2)
  const updatesBefore = first.updatesSequence(first.updatesPlace('now').place)
  await first.close()

  const second = await openStore({ file })
  const database = databaseOf(second, 'a')
  t.equal(database.sequence(2), before, 'no commit yet')
  t.same(database.place(before), { n: 2, rewound: false })
  await database.writeLocalDoc('log', undefined, '{}')
  await storeOne(database, interactive('y'))
  t.equal(database.sequence(2), before, 'what was issued keeps its name')
  t.not(database.sequence(3).slice(2), before.slice(2))
  const epoch = database.sequence(3).slice(2)
  await storeOne(database, interactive('z'))
  t.equal(database.sequence(4), `4-${epoch}`, 'one epoch for each run')
  t.same(second.updatesPlace(updatesBefore), { place: [3], rewound: false })
  t.not(second.updatesSequence(second.updatesPlace('now').place).split('-')[1], updatesBefore.split('-')[1])
  await second.close()
})

t.test('a file copied back in time sends those who saw more back to what both know', async t => {
  const folder = t.testdir()
  const file = `${folder}/store.db`
  await (await openAndWrite(file, 'x', 5)).close()
  copyFileSync(file, `${folder}/backup.db`)

  const lost = await openAndWrite(file, 'lost', 5)
  const seen = databaseOf(lost, 'a').sequence(10)
  const seenUpdates = lost.updatesSequence(lost.updatesPlace('now').place)
  await lost.close()
  copyFileSync(`${folder}/backup.db`, file)

  const restored = await openAndWrite(file, 'new', 8)
  const database = databaseOf(restored, 'a')
  t.same(database.place(seen), { n: 0, rewound: true }, 'an epoch the copy never knew')
  t.same(restored.updatesPlace(seenUpdates), { place: [0], rewound: true })
  await restored.close()
})

t.test('a file copied while its server ran knows the epoch, and how far it was its own', async t => {
  const folder = t.testdir()
  const file = `${folder}/store.db`
  const running = await openAndWrite(file, 'x', 5)
  copyFileSync(file, `${folder}/copy.db`)
  copyFileSync(`${file}-wal`, `${folder}/copy.db-wal`)
  const database = databaseOf(running, 'a')
  for (let n = 0; n < 5; n++) await storeOne(database, interactive(`lost${n}`))
  const seen = database.sequence(10)
  await running.close()

  const restored = await openStore({ file: `${folder}/copy.db` })
  const copy = databaseOf(restored, 'a')
  t.same(copy.place(seen), { n: 5, rewound: true }, 'before its first commit')
  for (let n = 0; n < 8; n++) await storeOne(copy, interactive(`new${n}`))
  t.same(copy.place(seen), { n: 5, rewound: true }, 'and after it, though 10 has been issued again')
  t.not(copy.sequence(10), seen)
  t.same(
    copy.changes({ after: 5, limit: 1 }).map(({ id }) => id),
    ['new0'],
  )
  await restored.close()
})

t.test('replication logs that went back in time with their file are forgotten, once in each run', async t => {
  const folder = t.testdir()
  const file = `${folder}/store.db`
  const logsOf = (store: Store) =>
    databaseOf(store, 'a')
      .localDocs({ limit: 9, withBodies: false })
      .map(({ id }) => id)
  const first = await openAndWrite(file, 'x', 2)
  await databaseOf(first, 'a').forgetReplicationLogs()
  await databaseOf(first, 'a').writeLocalDoc('log', undefined, '{"session_id":"s","history":[],"last_seq":7}')
  await databaseOf(first, 'a').writeLocalDoc('pull:phone', undefined, '{"told":[]}')
  await databaseOf(first, 'a').forgetReplicationLogs()
  t.same(logsOf(first), ['log', 'pull:phone'], 'not again in this run')
  await first.close()
  copyFileSync(file, `${folder}/backup.db`)

  for (const forget of [
    (store: Store) => databaseOf(store, 'a').forgetReplicationLogs(),
    (store: Store) => store.forgetReplicationLogs(),
  ]) {
    copyFileSync(`${folder}/backup.db`, file)
    const restored = await openStore({ file })
    const before = databaseOf(restored, 'a').sequence(2)
    t.same(logsOf(restored), ['log', 'pull:phone'])
    await forget(restored)
    t.same(logsOf(restored), ['pull:phone'])
    t.same(databaseOf(restored, 'a').place(before), { n: 2, rewound: false }, 'nothing changed')
    await restored.close()
  }
})
