import t, { type Test } from 'tap'
import { Connection, type SqlValue } from '../../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { prepareFile } from '../../../../../server/store/sqlite/prepare-file.ts'
import { Writer } from '../../../../../server/store/sqlite/writer/writer.ts'
import type { AttachmentEdit, Edit } from '../../../../../server/store/store.ts'
import { interactive, replicated } from '../../contract/subject.ts'

const open = await loadDriver()
const NAMES = 4000

/** Counts how often a body's list of attachments is read. */
class CountingConnection extends Connection {
  lists = 0

  override row<Row extends readonly SqlValue[]>(sql: string, ...params: SqlValue[]): Row | undefined {
    if (sql.startsWith('select attachments from bodies')) this.lists++
    return super.row(sql, ...params)
  }
}

/** A writer on this thread with the database 1, and a way to store one edit. */
function openWriter(t: Test) {
  const file = `${t.testdir()}/store.db`
  prepareFile(open, file)
  const connection = new CountingConnection(open, file)
  t.teardown(() => connection.close())
  const writer = new Writer(connection, line => t.fail(line))
  writer.commit([{ request: 1, command: { kind: 'createDatabase', name: 'a' } }])
  const write = (edit: Edit): unknown => {
    const [answer] = writer.commit([{ request: 2, command: { kind: 'write', db: 1, edits: [edit] } }]).answers
    return answer?.ok === true ? (answer.result as readonly unknown[])[0] : answer
  }
  return { connection, write }
}

const named = (n: number, extra: Partial<AttachmentEdit> = {}): AttachmentEdit => ({
  name: `file ${n}`,
  contentType: 'a/b',
  ...extra,
})
const list = (make: (n: number) => AttachmentEdit) => Array.from({ length: NAMES }, (_, n) => make(n))
const wholes = list(n => named(n, { data: Buffer.from(`${n}`) }))
const stubs = list(n => named(n))

t.test('thousands of stubs read the list of their parent once', t => {
  const { connection, write } = openWriter(t)
  const first = write(interactive('a', undefined, { attachments: wholes })) as string
  const before = connection.lists
  const start = performance.now()
  const second = write(interactive('a', first, { attachments: stubs }))
  t.comment(`${NAMES} stubs took ${Math.round(performance.now() - start)} ms`)
  t.match(second, /^2-/)
  t.equal(connection.lists - before, 1)
  t.end()
})

t.test('replicated ones read each ancestor once, and none if their digests do', t => {
  const { connection, write } = openWriter(t)
  write(replicated('a', ['1-a'], { attachments: wholes.slice(0, NAMES / 2) }))
  write(replicated('a', ['2-b', 'a'], { attachments: wholes.slice(NAMES / 2) }))
  let before = connection.lists
  t.equal(write(replicated('a', ['3-c', 'b', 'a'], { attachments: stubs })), '3-c')
  t.equal(connection.lists - before, 2)

  const lists = connection.row<[string]>("select attachments from bodies where rev = '3-c'")?.[0] ?? '[]'
  const known = (JSON.parse(lists) as AttachmentEdit[]).map(({ name, contentType, digest }) => ({
    name,
    contentType,
    digest,
  }))
  before = connection.lists
  const start = performance.now()
  t.equal(write(replicated('a', ['4-d', 'c', 'b', 'a'], { attachments: known })), '4-d')
  t.comment(`${NAMES} digests took ${Math.round(performance.now() - start)} ms`)
  t.equal(connection.lists - before, 0)
  t.end()
})
