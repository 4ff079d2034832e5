import t, { type Test } from 'tap'
import { Connection } from '../../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../../server/store/sqlite/open-store.ts'
import { prepareFile } from '../../../../../server/store/sqlite/prepare-file.ts'
import { compactSlice } from '../../../../../server/store/sqlite/writer/compact.ts'
import { type CommandRequest, Writer } from '../../../../../server/store/sqlite/writer/writer.ts'
import { eventually } from '../../../../fixtures/eventually.ts'
import { rounds } from '../../../../fixtures/rounds.ts'
import { seededRandom } from '../../../../fixtures/seeded-random.ts'
import { databaseOf, interactive, replicated, store as storeOne } from '../../contract/subject.ts'
import { randomEdit } from '../../random-edits.ts'
import { checkFile } from '../check-file.ts'

const open = await loadDriver()

/** A file with a database of documents that were all edited three times. */
async function fill(t: Test, docs: number): Promise<string> {
  const file = `${t.testdir()}/store.db`
  const store = await openStore({ file, log: line => t.fail(line) })
  await store.createDatabase('a')
  const database = databaseOf(store, 'a')
  for (let n = 0; n < 3; n++) {
    await database.write(
      Array.from({ length: docs }, (_, id) =>
        interactive(`${id}`, database.doc(`${id}`)?.tree.winner.rev, { body: `{"n":${n}}` }),
      ),
    )
  }
  await store.close()
  return file
}

function askFor(connection: Connection): void {
  connection.exec('update databases set compact_to = update_seq')
}

t.test('a slice drops so many bodies, and the next one goes on', async t => {
  const connection = new Connection(open, await fill(t, 700))
  t.teardown(() => connection.close())
  t.equal(compactSlice(connection), undefined, 'nobody asked')
  askFor(connection)
  const bodies = () => connection.row<[number]>('select count(*) from bodies')?.[0] ?? 0
  const left = [bodies()]
  while (compactSlice(connection) !== undefined) left.push(bodies())
  t.same([left[0], left.at(-1)], [2100, 700])
  for (const [n, count] of left.entries()) t.ok((left[n - 1] ?? count) - count <= 200)
  t.ok(left.length >= 8)
})

t.test('one document of thousands of bodies is many slices', async t => {
  const file = `${t.testdir()}/store.db`
  prepareFile(open, file)
  const connection = new Connection(open, file)
  t.teardown(() => connection.close())
  connection.exec(
    "insert into databases (db, name, run, update_seq, stored_bytes) values (1, 'a', '', 5000, 10000)",
  )
  const tree = Array.from({ length: 5000 }, (_, n) => `s${5000 - n}:${5000 - n}`).join(',')
  connection.run(
    "insert into docs values (1, 'x', 5000, '5000-s5000', 0, 0, 0, 5000, 5000, 2, ?)",
    `5000-1;${tree}`,
  )
  for (let n = 1; n <= 5000; n++)
    connection.run("insert into bodies values (1 << 32 | ?, ?, 0, null, '{}')", n, `${n}-s${n}`)
  askFor(connection)
  let slices = 0
  while (compactSlice(connection)?.hasEnded === false) slices++
  t.equal(slices, 24)
  t.same(
    connection.row('select stored_bytes, compacted_bytes, compact_to - compacted_seq from databases'),
    [2, 2, 0],
  )
  t.same(connection.rows('select rev from bodies'), [['5000-s5000']])
})

t.test('a restart goes on where compaction was', async t => {
  const file = await fill(t, 1000)
  const connection = new Connection(open, file)
  askFor(connection)
  for (let slices = 0; slices < 3; slices++) compactSlice(connection)
  const [at] = connection.row<[number]>('select compacted_seq from databases') ?? [0]
  connection.close()
  t.ok(at > 2000 && at < 3000, `it has come to ${at}`)

  const store = await openStore({ file, log: line => t.fail(line) })
  await eventually(() => !databaseOf(store, 'a').facts().isCompacting, 'the end')
  t.equal(databaseOf(store, 'a').facts().storedBytes, 7000)
  await store.close()
  t.same(await checkFile(file), [])
})

t.test('what a store that is closed had not compacted is refused to who waits for it', async t => {
  const file = await fill(t, 3000)
  const store = await openStore({ file, log: line => t.fail(line) })
  const compaction = store.database('a')?.compact()
  const closing = store.close()
  await t.rejects(compaction ?? Promise.resolve(), { name: 'CouchError', word: 'service_unavailable' })
  await closing
  t.same(await checkFile(file), [])
})

t.test(
  'where nothing can be dropped it is asked for once in each doubling, and looks at each change once',
  async t => {
    const file = `${t.testdir()}/store.db`
    prepareFile(open, file)
    const connection = new Connection(open, file)
    t.teardown(() => connection.close())
    const writer = new Writer(connection, line => t.fail(line))
    const commit = (command: CommandRequest['command']) => writer.commit([{ request: 1, command }])
    commit({ kind: 'createDatabase', name: 'a' })
    const body = JSON.stringify({ text: 'x'.repeat(50_000) })
    const leaf = (id: string, sig: string) => replicated(id, [`1-${sig}`], { body })
    const asked: number[] = []
    for (let n = 0; n < 400; n++) {
      commit({ kind: 'write', db: 1, edits: [leaf(`${n}`, 'a'), leaf(`${n}`, 'b')] })
      if (compactSlice(connection) === undefined) continue
      asked.push(n)
      while (compactSlice(connection) !== undefined);
    }
    t.same(asked, [41, 125, 293], 'at 4 MiB, 12 MiB, 28 MiB')
  },
)

t.test(
  'documents that come for the first time are not looked at again, until one of them is edited',
  async t => {
    const file = `${t.testdir()}/store.db`
    prepareFile(open, file)
    const connection = new Connection(open, file)
    t.teardown(() => connection.close())
    const writer = new Writer(connection, line => t.fail(line))
    const commit = (command: CommandRequest['command']) => writer.commit([{ request: 1, command }])
    commit({ kind: 'createDatabase', name: 'a' })
    const body = JSON.stringify({ text: 'x'.repeat(1_000_000) })
    const place = () => connection.row('select compacted_seq, update_seq, compacted_bytes from databases')
    for (let n = 1; n <= 10; n++) {
      commit({ kind: 'write', db: 1, edits: [interactive(`${n}`, undefined, { body })] })
      t.same(place(), [n, n, n * body.length])
      t.equal(compactSlice(connection), undefined)
    }
    for (let n = 1; n <= 15; n++) {
      const [rev] = connection.row<[string]>("select rev from docs where id = '1'") ?? ['']
      commit({ kind: 'write', db: 1, edits: [interactive('1', rev, { body })] })
      t.match(place(), [10, 10 + n])
    }
    while (compactSlice(connection) !== undefined);
    t.same(place(), [25, 25, 10 * body.length], 'what the edits left is dropped')
  },
)

t.test('after any edits, compactions and purges counters, sizes and histories are exact', async t => {
  const random = seededRandom(t)
  const file = `${t.testdir()}/store.db`
  const store = await openStore({ file, log: line => t.fail(line) })
  await store.createDatabase('a')
  const database = databaseOf(store, 'a')
  for (let round = 0; round < rounds(100, 3000); round++) {
    await database.write(Array.from({ length: 1 + random.below(5) }, () => randomEdit(random, database)))
    if (random.chance(0.1)) await database.setRevsLimit(1 + random.below(6))
    if (random.chance(0.2)) await database.compact()
    if (random.chance(0.2)) await database.purge(somePurge())
    const docs = database.docs({ limit: 20, withBodies: true })
    t.equal(docs.length, database.facts().docCount, 'each live document has its body')
  }
  await store.close()
  t.same(await checkFile(file), [])

  function somePurge(): Map<string, readonly string[]> {
    const { id } = random.pick(database.changes({ after: 0, limit: 20 }))
    const leaves = database.doc(id)?.tree.leaves() ?? []
    return new Map([[id, leaves.filter(() => random.chance(0.6)).map(({ rev }) => rev)]])
  }
})

t.test('stemming by a new limit happens with the next write of each document', async t => {
  const file = await fill(t, 2)
  const store = await openStore({ file, log: line => t.fail(line) })
  const database = databaseOf(store, 'a')
  await database.setRevsLimit(2)
  const lengths = () => ['0', '1'].map(id => database.doc(id)?.tree.revsInfo(winner(id)).length)
  const winner = (id: string) => database.doc(id)?.tree.winner.rev ?? ''
  t.same(lengths(), [3, 3])
  await storeOne(database, interactive('0', winner('0')))
  t.same(lengths(), [2, 3])
  t.equal(database.facts().revsLimit, 2)
  await database.setRevsLimit(1)
  await storeOne(database, interactive('1', winner('1')))
  t.same(lengths(), [2, 1])
  await store.close()
  t.same(await checkFile(file), [])
})
