import t from 'tap'
import { openStore } from '../../../server/store/sqlite/open-store.ts'
import type { Database, Edit } from '../../../server/store/store.ts'
import { hasMark, isAsPushed, losingRevisions, pushMark, pushSalt } from '../../../server/sync/pushed-rev.ts'

const store = await openStore({ file: `${t.testdir()}/store.db`, log: line => t.fail(line) })
t.teardown(() => store.close())
await store.createDatabase('db')
const database = store.database('db') as Database

async function write(edit: Edit): Promise<string> {
  const [outcome] = await database.write([edit])
  if (outcome?.ok !== true) throw new Error(`refused: ${JSON.stringify(outcome)}`)
  return outcome.rev
}

function read(id: string) {
  const doc = database.doc(id, { withWinner: true })
  if (doc?.winner === undefined) throw new Error(`no ${id}`)
  return { tree: doc.tree, winner: doc.winner }
}

t.test('a rev tells which device pushed it, on any parent, with attachments and as a tombstone', async t => {
  const id = 'session:a'
  const salt = pushSalt('phone-1')
  const marks = ['one', 'two', 'three'].map(row => pushMark('phone-1', row))
  let parent: string | undefined
  for (const [n, mark] of marks.entries()) {
    const attachments = [{ name: 'f', contentType: 'text/plain', data: Buffer.from('x') }]
    const body = `{"v":${n}}`
    parent = await write({
      kind: 'interactive',
      id,
      parent,
      deleted: n === 2,
      body,
      attachments,
      salt,
      mark,
    })
    t.ok(parent.endsWith(mark), 'the mark stands in the rev')
    const { tree, winner } = read(id)
    t.ok(isAsPushed(tree, winner, 'phone-1'))
    t.notOk(isAsPushed(tree, winner, 'phone-2'))
  }
  const { tree } = read(id)
  for (const mark of marks) t.ok(hasMark(tree, mark), 'older versions are known by their marks')
  t.notOk(hasMark(tree, pushMark('phone-2', 'one')), 'another device sent another row')
})

t.test('what is merged, or written by a client that replicates, is nobody’s push', async t => {
  const id = 'session:b'
  const mark = pushMark('phone-1', 'row')
  await write({ kind: 'interactive', id, deleted: false, body: '{"v":1}', mark })
  t.notOk(isAsPushed(read(id).tree, read(id).winner, 'phone-1'), 'a mark without salt')
  const { winner } = read(id)
  await write({ kind: 'interactive', id, parent: winner.rev, deleted: false, body: '{"v":2}' })
  t.notOk(isAsPushed(read(id).tree, read(id).winner, 'phone-1'))
})

t.test('a losing revision never wins, and is there once however often it is sent', async t => {
  const id = 'session:c'
  const mark = pushMark('phone-1', 'old')
  const rev = await write({ kind: 'interactive', id, deleted: false, body: '{"v":"new"}' })
  const losing: Edit = {
    kind: 'replicated',
    id,
    deleted: false,
    body: '{"v":"old"}',
    revisions: losingRevisions(mark),
  }
  await write(losing)
  const { updateSeq } = database.facts()
  await write(losing)
  t.equal(database.facts().updateSeq, updateSeq, 'nothing was written')
  t.equal(read(id).winner.rev, rev)
  t.equal(read(id).tree.leaves().length, 2)
  t.ok(hasMark(read(id).tree, mark))
})
