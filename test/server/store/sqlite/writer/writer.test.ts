import t, { type Test } from 'tap'
import { Connection } from '../../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { prepareFile } from '../../../../../server/store/sqlite/prepare-file.ts'
import { type CommandRequest, Writer } from '../../../../../server/store/sqlite/writer/writer.ts'
import type { Edit } from '../../../../../server/store/store.ts'
import { interactive } from '../../contract/subject.ts'
import { checkFile } from '../check-file.ts'

const open = await loadDriver()

/** A writer on this thread, with the databases 1 and 2. Without another clock no time passes for it. */
function openWriter(
  t: Test,
  now = () => 0,
): { connection: Connection; file: string; writer: Writer; lines: string[] } {
  const file = `${t.testdir()}/store.db`
  prepareFile(open, file)
  const connection = new Connection(open, file)
  t.teardown(() => connection.close())
  const lines: string[] = []
  const writer = new Writer(connection, line => lines.push(line), now)
  writer.commit(['a', 'b'].map((name, request) => ({ request, command: { kind: 'createDatabase', name } })))
  return { connection, file, writer, lines }
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

t.test('a disk that is full in the middle of a list with attachments leaves nothing of it', async t => {
  const { connection, file, writer, lines } = openWriter(t)
  const withBytes = (id: string, length: number) => {
    const attachments = [{ name: 'x', contentType: 'a/b', data: Buffer.alloc(length, id) }]
    return interactive(id, undefined, { attachments })
  }
  t.match(writer.commit([write(1, 1, [withBytes('before', 300_000)])]).answers, [{ ok: true }])
  const list = Array.from({ length: 30 }, (_, n) => withBytes(`doc${n}`, 100_000))
  for (const room of [2, 20, 100, 200]) {
    const pages = connection.row<[number]>('pragma page_count')?.[0] ?? 0
    connection.row(`pragma max_page_count = ${pages + room}`)
    t.match(writer.commit([write(2, 1, list)]).answers, [{ ok: false, word: 'insufficient_storage' }])
    t.same(connection.rows('select id from docs'), [['before']])
    t.same(await checkFile(file), [], `room for ${room} pages`)
  }
  connection.row('pragma max_page_count = 1000000')
  t.match(writer.commit([write(3, 1, list)]).answers, [{ ok: true }])
  t.same(await checkFile(file), [])
  t.equal(lines.length, 4)
})

t.test('times never go back, whatever the clock does', async t => {
  const { connection, writer } = openWriter(t)
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  const start = Date.UTC(2026, 0, 1)
  const years = [0, -1, -1, 1, 0, -5, 2].map(year => start + year * 365 * 24 * 3_600_000)
  for (const [n, time] of years.entries()) {
    Date.now = () => time
    writer.commit([write(n, 1, [interactive(`doc${n}`)])])
  }
  const times = connection.rows<[number]>('select time from docs order by seq').map(([time]) => time)
  t.same(
    times,
    [0, 0, 0, 1, 1, 1, 2].map(year => start + year * 365 * 24 * 3_600_000),
  )
  writer.commit([write(9, 2, [interactive('x')])])
  t.same(connection.row('select time from docs where db = 2'), [years.at(-1)], 'each database by itself')
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

/** A clock that goes on by a millisecond with each look at it: a turn is two edits, a group some of them. */
function tickingClock(): () => number {
  let time = 0
  return () => time++
}

function editsOf(count: number): readonly Edit[] {
  return Array.from({ length: count }, (_, n) => interactive(`doc${n}`))
}

t.test('a long write goes on in the next groups, and is answered after its last part', async t => {
  const { connection, writer } = openWriter(t, tickingClock())
  writer.add(write(1, 1, editsOf(50)))
  const countDocs = () => connection.row<[number]>('select count(*) from docs')?.[0] ?? 0
  const counts: number[] = []
  while (!writer.isIdle) {
    const { answers, changed } = writer.commitGroup()
    counts.push(countDocs())
    t.same(changed, [1], 'each part is told to those who wait for changes')
    t.equal(answers.length, writer.isIdle ? 1 : 0)
    const [answer] = answers
    if (answer?.ok) t.equal((answer.result as readonly string[]).length, 50)
  }
  t.ok(counts.length > 2, `in the parts ${counts}`)
  t.equal(counts.at(-1), 50)
  const rows = connection.rows<[string]>('select id from docs order by seq')
  t.same(
    rows.map(([id]) => id),
    editsOf(50).map(({ id }) => id),
  )
})

t.test('a single write waits for one group, however much others have asked for', async t => {
  const { writer } = openWriter(t, tickingClock())
  for (let request = 1; request <= 100; request++) writer.add(write(request, 1, editsOf(20)))
  writer.commitGroup()
  writer.add(write(1000, 2, [interactive('single')]))
  const { answers } = writer.commitGroup()
  t.ok(
    answers.some(({ request }) => request === 1000),
    'it is in the next group',
  )
})

t.test('what else is asked of a database waits for the end of a long write', async t => {
  const { writer } = openWriter(t, tickingClock())
  const { answers } = writer.commit([
    write(1, 1, editsOf(50)),
    { request: 2, command: { kind: 'writeLocalDoc', db: 1, id: 'x', rev: undefined, body: '{}' } },
    { request: 3, command: { kind: 'setRevsLimit', db: 1, limit: 5 } },
    { request: 4, command: { kind: 'deleteDatabase', name: 'a' } },
    { request: 5, command: { kind: 'createDatabase', name: 'a' } },
    write(6, 1, [interactive('late')]),
    { request: 7, command: { kind: 'deleteDatabase', name: 'b' } },
  ])
  const ofFirst = answers.filter(({ request }) => request < 7)
  t.match(ofFirst, [
    { request: 1, ok: true },
    { request: 2, ok: true },
    { request: 3, ok: true },
    { request: 4, ok: true, result: 1 },
    { request: 5, ok: true, result: 'created' },
    { request: 6, ok: false, word: 'not_found' },
  ])
  t.match(answers[0], { request: 7, ok: true }, 'but what is asked of another does not')
})

t.test('a long write that breaks in a later part fails, and says that a part is stored', async t => {
  const { connection, writer, lines } = openWriter(t, tickingClock())
  const edits = [...editsOf(40), BROKEN, interactive('after')]
  const { answers } = writer.commit([
    write(1, 1, edits),
    write(2, 2, editsOf(40)),
    write(3, 1, [interactive('x')]),
  ])
  t.match(
    [...answers].sort((a, b) => a.request - b.request),
    [
      { request: 1, ok: false, reason: 'The write failed: only a part was stored.' },
      { request: 2, ok: true },
      { request: 3, ok: true },
    ],
  )
  t.equal(lines.length, 1)
  const stored = connection.rows<[string]>('select id from docs where db = 1 order by seq').map(([id]) => id)
  t.equal(stored.at(-1), 'x')
  t.same(
    stored.slice(0, -1),
    editsOf(40)
      .slice(0, stored.length - 1)
      .map(({ id }) => id),
    'the first ones, each once',
  )
  t.same(connection.rows('select count(*) from docs where db = 2'), [[40]], 'those of others are all there')
})

t.test('while another process has locked the file all waits, and one line says so', async t => {
  const { connection, file, writer, lines } = openWriter(t, tickingClock())
  const other = new Connection(open, file)
  t.teardown(() => other.close())
  connection.exec('pragma busy_timeout = 20')
  other.exec('begin immediate')
  for (let request = 0; request < 3; request++) writer.add(write(request, 1, editsOf(5)))
  for (let tries = 0; tries < 3; tries++) {
    t.same(writer.commitGroup(), { kind: 'committed', answers: [], changed: [], updates: false })
    t.equal(writer.isLockedOut, true)
  }
  t.same(lines, ["another process has locked the store's file: writes wait for it"])
  other.exec('rollback')
  const { answers } = writer.commit([write(3, 2, [interactive('x')])])
  t.same(
    answers.map(({ ok }) => ok),
    [true, true, true, true],
  )
  t.equal(writer.isLockedOut, false)
  t.match(lines, { 1: "the store's file is free again: writes go on", length: 2 })
})

t.test('a lock that comes while the commands of a broken group are done again changes no order', async t => {
  const { connection, file, writer, lines } = openWriter(t)
  const other = new Connection(open, file)
  t.teardown(() => other.close())
  const { exec } = connection
  // Another process is quicker, once the group is rolled back.
  connection.exec = sql => {
    exec.call(connection, sql)
    if (sql === 'rollback') other.exec('begin immediate')
  }
  const edits = [interactive('a'), interactive('b')]
  writer.add(write(1, 1, edits))
  writer.add(write(2, 1, [BROKEN]))
  writer.add(write(3, 1, [interactive('c')]))
  t.same(writer.commitGroup().answers, [])
  connection.exec = exec
  other.exec('rollback')
  const { answers } = writer.commit([write(4, 1, [interactive('d')])])
  t.same(
    answers.map(({ request, ok }) => [request, ok]),
    [
      [1, true],
      [2, false],
      [3, true],
      [4, true],
    ],
  )
  t.same(connection.rows('select id from docs order by seq'), [['a'], ['b'], ['c'], ['d']])
  t.equal(lines.length, 3)
})

t.test('where no transaction can begin, all that waits fails with the reason', async t => {
  const { file } = openWriter(t)
  const connection = new Connection(open, file)
  const lines: string[] = []
  const writer = new Writer(connection, line => lines.push(line), tickingClock())
  writer.add(write(1, 1, editsOf(50)))
  t.same(writer.commitGroup().answers, [])
  writer.add(write(2, 2, [interactive('x')]))
  connection.close()
  writer.add({ request: 3, command: { kind: 'createDatabase', name: 'c' } })
  const { answers } = writer.commitGroup()
  t.match(
    [...answers].sort((a, b) => a.request - b.request),
    [
      { request: 1, ok: false, reason: 'The write failed: only a part was stored.' },
      { request: 2, ok: false, reason: 'The write failed: nothing was stored.' },
      { request: 3, ok: false, word: 'internal_server_error' },
    ],
  )
  t.equal(writer.isIdle, true)
  t.equal(writer.isLockedOut, false)
  t.match(lines, [/^3 writes failed: /])
})

t.test('a transaction that was left open fails one group, and is ended with it', async t => {
  const { connection, writer } = openWriter(t)
  connection.exec('begin')
  t.match(writer.commit([write(1, 1, [interactive('a')])]).answers, [{ ok: false }])
  t.match(writer.commit([write(2, 1, [interactive('b')])]).answers, [{ ok: true }])
})
