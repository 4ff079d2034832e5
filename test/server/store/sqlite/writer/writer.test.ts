import t, { type Test } from 'tap'
import { Connection } from '../../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { prepareFile } from '../../../../../server/store/sqlite/prepare-file.ts'
import { type CommandRequest, Writer } from '../../../../../server/store/sqlite/writer/writer.ts'
import type { Edit } from '../../../../../server/store/store.ts'
import { interactive } from '../../contract/subject.ts'

const open = await loadDriver()

/** A writer on this thread, with the databases 1 and 2. */
function openWriter(t: Test): { connection: Connection; writer: Writer; lines: string[] } {
  const file = `${t.testdir()}/store.db`
  prepareFile(open, file)
  const connection = new Connection(open, file)
  t.teardown(() => connection.close())
  const lines: string[] = []
  const writer = new Writer(connection, line => lines.push(line))
  writer.commit(['a', 'b'].map((name, request) => ({ request, command: { kind: 'createDatabase', name } })))
  return { connection, writer, lines }
}

function write(request: number, db: number, edits: readonly Edit[]): CommandRequest {
  return { request, command: { kind: 'write', db, edits } }
}

/** Breaks inside the transaction, after the edits before it were written. */
const BROKEN = { ...interactive('broken'), body: Symbol('no text') as unknown as string }

t.test('commands of one group are committed together', async t => {
  const { connection, writer } = openWriter(t)
  const { answers, changed, updates } = writer.commit([
    write(1, 1, [interactive('x'), interactive('y')]),
    write(2, 2, [interactive('x')]),
    write(3, 1, [interactive('z')]),
  ])
  t.same(
    answers.map(({ request, ok }) => [request, ok]),
    [
      [1, true],
      [2, true],
      [3, true],
    ],
  )
  t.same(changed, [1, 2])
  t.equal(updates, true)
  t.same(connection.rows('select db, first from epochs where db > 0 order by db'), [
    [1, 0],
    [2, 0],
  ])
})

t.test('a refused command leaves the others of its group alone', async t => {
  const { writer, lines } = openWriter(t)
  const { answers } = writer.commit([
    write(1, 1, [interactive('x')]),
    write(2, 77, [interactive('x')]),
    write(3, 1, [interactive('y')]),
  ])
  t.match(answers, [
    { request: 1, ok: true },
    { request: 2, ok: false, word: 'not_found' },
    { request: 3, ok: true },
  ])
  t.same(lines, [], 'a refusal is no failure')
})

t.test('a command that breaks fails alone and leaves nothing of itself', async t => {
  const { connection, writer, lines } = openWriter(t)
  const { answers, changed } = writer.commit([
    write(1, 1, [interactive('x')]),
    write(2, 1, [interactive('y'), BROKEN]),
    write(3, 1, [interactive('z')]),
  ])
  t.match(answers, [
    { request: 1, ok: true },
    { request: 2, ok: false, word: 'internal_server_error', reason: 'The write failed: nothing was stored.' },
    { request: 3, ok: true },
  ])
  t.same(changed, [1])
  t.same(connection.rows('select id, seq from docs order by id'), [
    ['x', 1],
    ['z', 2],
  ])
  t.equal(lines.length, 1)
})

t.test('a full disk fails the write with its own word, and the next one works', async t => {
  const { connection, writer } = openWriter(t)
  const huge = write(1, 1, [interactive('huge', undefined, { body: JSON.stringify('x'.repeat(3_000_000)) })])
  const pages = connection.row<[number]>('pragma page_count')?.[0] ?? 0
  connection.row(`pragma max_page_count = ${pages + 20}`)
  const { answers } = writer.commit([huge, write(2, 2, [interactive('small')])])
  t.match(answers, [
    { request: 1, ok: false, word: 'insufficient_storage', reason: 'The disk is full: nothing was stored.' },
    { request: 2, ok: true },
  ])
  connection.row('pragma max_page_count = 1000000')
  t.match(writer.commit([huge]).answers, [{ ok: true }])
  t.same(connection.rows('select db, id, seq from docs order by db'), [
    [1, 'huge', 1],
    [2, 'small', 1],
  ])
})

t.test('a database that one command deletes is gone for the next of its group', async t => {
  const { connection, writer } = openWriter(t)
  const { answers } = writer.commit([
    write(1, 1, [interactive('x')]),
    { request: 2, command: { kind: 'deleteDatabase', name: 'a' } },
    write(3, 1, [interactive('y')]),
    { request: 4, command: { kind: 'createDatabase', name: 'a' } },
  ])
  t.match(answers, [{ ok: true }, { ok: true, result: true }, { word: 'not_found' }, { result: 'created' }])
  t.same(connection.rows("select db, deleted from databases where name = 'a' order by db"), [
    [1, 1],
    [3, 0],
  ])
})
