import t, { type Test } from 'tap'
import type { Command } from '../../../../../server/store/sqlite/commands.ts'
import { Connection } from '../../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { prepareFile } from '../../../../../server/store/sqlite/prepare-file.ts'
import { Chores } from '../../../../../server/store/sqlite/writer/chores.ts'
import { compactSlice } from '../../../../../server/store/sqlite/writer/compact.ts'
import { Writer } from '../../../../../server/store/sqlite/writer/writer.ts'
import { replicated } from '../../contract/subject.ts'
import { checkFile } from '../check-file.ts'

const open = await loadDriver()

/** A writer on this thread with the databases 1 and 2. */
function openWriter(t: Test) {
  const file = `${t.testdir()}/store.db`
  prepareFile(open, file)
  const connection = new Connection(open, file)
  t.teardown(() => connection.close())
  const writer = new Writer(connection, line => t.fail(line))
  const run = (command: Command) => writer.commit([{ request: 1, command }]).answers[0]
  for (const name of ['a', 'b']) run({ kind: 'createDatabase', name })
  return { file, connection, run, runOfWriter: writer.run }
}

type Opened = ReturnType<typeof openWriter>

/** Gives every document one more revision. */
function edit({ run }: Opened, db: number, pos: number, docs: number): void {
  const ids = Array.from({ length: pos }, (_, depth) => `${pos - depth}`)
  const edits = Array.from({ length: docs }, (_, n) => replicated(`${n}`, [`${pos}-${pos}`, ...ids.slice(1)]))
  run({ kind: 'write', db, edits })
}

t.test(
  'a database that is written without a pause does not keep another one from being compacted',
  async t => {
    const opened = openWriter(t)
    const ended: number[] = []
    const chores = new Chores(opened.connection, opened.runOfWriter, db => ended.push(db))
    let pos = 0
    for (const db of [1, 2]) for (pos = 1; pos <= 3; pos++) edit(opened, db, pos, 300)
    for (const db of [1, 2]) opened.run({ kind: 'compact', db })
    for (let slices = 0; slices < 40; slices++, pos++) {
      edit(opened, 1, pos, 300)
      chores.doSlice()
    }
    t.ok(ended.includes(2), 'the other one came to its end')
    t.same(opened.connection.row('select compact_to > compacted_seq from databases where db = 1'), [1])
    while (chores.doSlice());
    t.same(await checkFile(opened.file), [])
  },
)

t.test('removal of deleted databases, compaction and removal of attachments take turns', async t => {
  const opened = openWriter(t)
  const { connection, run } = opened
  for (let pos = 1; pos <= 5; pos++) for (const db of [1, 2]) edit(opened, db, pos, 500)
  for (let n = 0; n < 5; n++) {
    const key = connection.row<[number]>('select coalesce(max(key), 0) + 1 from loose_attachments')?.[0] ?? 0
    connection.run('insert into loose_attachments values (?, 2, null, 0)', key)
    connection.run('insert into attachment_chunks values (? << 20, zeroblob(10))', key)
  }
  run({ kind: 'deleteDatabase', name: 'a' })
  run({ kind: 'compact', db: 2 })
  const counts = () =>
    connection.row<[number, number, number]>(
      `select (select count(*) from docs where db = 1), (select compacted_seq from databases where db = 2),
         (select count(*) from loose_attachments)`,
    ) ?? []
  const chores = new Chores(connection, opened.runOfWriter)
  const before = counts()
  for (let slices = 0; slices < 3; slices++) t.ok(chores.doSlice())
  for (const [n, count] of counts().entries()) t.not(count, before[n], `the chore ${n} had its turn`)
  while (chores.doSlice());
  t.same(counts(), [0, 2500, 0])
  t.same(await checkFile(opened.file), [])
})

t.test('bodies with thousands of attachments are dropped a few at a time', async t => {
  const opened = openWriter(t)
  const { connection, run } = opened
  const attachments = Array.from({ length: 150 }, (_, n) => ({
    name: `${n}`,
    contentType: 'a/b',
    data: Buffer.from('same'),
  }))
  const revs = Array.from({ length: 10 }, (_, n) => `${n + 1}`)
  for (const rev of revs) {
    const ids = revs.slice(0, Number(rev)).reverse()
    run({
      kind: 'write',
      db: 1,
      edits: [replicated('x', [`${rev}-${rev}`, ...ids.slice(1)], { attachments })],
    })
  }
  run({ kind: 'compact', db: 1 })
  const refs = () => connection.row<[number]>('select refs from attachments')?.[0] ?? 0
  for (let before = refs(); compactSlice(connection) !== undefined; before = refs())
    t.ok(before - refs() <= 300, `${before - refs()} names at once`)
  t.equal(refs(), 150)
  t.same(await checkFile(opened.file), [])
})
