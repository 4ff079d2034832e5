import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Command } from '../../../../../server/store/sqlite/commands.ts'
import { Connection } from '../../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../../server/store/sqlite/open-store.ts'
import { prepareFile } from '../../../../../server/store/sqlite/prepare-file.ts'
import { readAttachment } from '../../../../../server/store/sqlite/reader/attachment-bytes.ts'
import { removeRefs } from '../../../../../server/store/sqlite/writer/attachment-refs.ts'
import {
  ATTACHMENT_GRACE_MS,
  removeLooseSlice,
} from '../../../../../server/store/sqlite/writer/loose-attachments.ts'
import { newRun } from '../../../../../server/store/sqlite/writer/transaction.ts'
import { type CommandRequest, Writer } from '../../../../../server/store/sqlite/writer/writer.ts'
import type { Upload } from '../../../../../server/store/store.ts'
import { eventually } from '../../../../fixtures/eventually.ts'
import { databaseOf, interactive } from '../../contract/subject.ts'
import { checkFile } from '../check-file.ts'

const open = await loadDriver()
const CHUNK_BYTES = 256 * 1024

/** A writer on this thread with the database 1, and a way to run single commands. */
function openWriter(t: Test) {
  const file = `${t.testdir()}/store.db`
  prepareFile(open, file)
  const connection = new Connection(open, file)
  t.teardown(() => connection.close())
  const writer = new Writer(connection, () => {})
  let request = 0
  const run = (command: Command) => {
    const answer = writer.commit([{ request: ++request, command } as CommandRequest]).answers[0]
    if (!answer?.ok) throw new Error(`${answer?.word}: ${answer?.reason}`)
    return answer.result
  }
  run({ kind: 'createDatabase', name: 'a' })
  return { file, connection, writer, run }
}

type Opened = ReturnType<typeof openWriter>

/** Sends an upload of so many chunks. */
function upload({ run }: Opened, chunks: number, digest = 'md5-x'): Upload {
  const key = run({ kind: 'openUpload', db: 1 }) as number
  for (let first = 0; first < chunks; first += 4) {
    const data = randomBytes(Math.min(4, chunks - first) * CHUNK_BYTES)
    run({ kind: 'writeUpload', key, first, data })
  }
  return { key, digest, length: chunks * CHUNK_BYTES }
}

function link({ run }: Opened, id: string, taken: Upload): void {
  const attachments = [{ name: 'f', contentType: 'a/b', upload: taken }]
  run({ kind: 'write', db: 1, edits: [interactive(id, undefined, { attachments })] })
}

/** Rows of loose attachments, chunks, attachments. */
function counts(connection: Connection): unknown {
  return ['loose_attachments', 'attachment_chunks', 'attachments'].map(
    table => connection.row<[number]>(`select count(*) from ${table}`)?.[0],
  )
}

/** As the chores do it. How many slices there were. */
function removeAll({ connection, writer }: Opened, now: number): number {
  let slices = 0
  while (removeLooseSlice(connection, writer.run, now)) slices++
  return slices
}

t.test('an upload stays while it is received, and goes in slices once it is given up', t => {
  const opened = openWriter(t)
  const { key } = upload(opened, 70)
  t.equal(removeAll(opened, Date.now() + 2 * ATTACHMENT_GRACE_MS), 0, 'however long it takes')
  opened.run({ kind: 'closeUpload', key })
  t.same(counts(opened.connection), [1, 70, 0])
  t.equal(removeAll(opened, Date.now()), 3)
  t.same(counts(opened.connection), [0, 0, 0])
  t.end()
})

t.test('an upload that was taken is no upload any more', async t => {
  const opened = openWriter(t)
  const taken = upload(opened, 5)
  link(opened, 'doc', taken)
  opened.run({ kind: 'closeUpload', key: taken.key })
  t.equal(removeAll(opened, Date.now() + 2 * ATTACHMENT_GRACE_MS), 0)
  t.same(counts(opened.connection), [0, 5, 1])
  t.same(await checkFile(opened.file), [])
})

t.test('what an earlier run received is removed at once', t => {
  const opened = openWriter(t)
  upload(opened, 5)
  t.equal(removeLooseSlice(opened.connection, newRun(), Date.now()), true)
  t.same(counts(opened.connection), [0, 0, 0])
  t.end()
})

t.test('what came loose stays for who reads it, until its grace is over', t => {
  const opened = openWriter(t)
  const { connection } = opened
  link(opened, 'doc', upload(opened, 40))
  const reading = readAttachment(connection, 1, 'md5-x')?.read()[Symbol.iterator]()
  t.ok(reading?.next().value, 'a first chunk')
  comeLoose(opened)
  t.same(counts(connection), [1, 40, 0])
  t.equal(readAttachment(connection, 1, 'md5-x'), undefined, 'nobody begins to read it')
  const since = connection.row<[number]>('select since from loose_attachments')?.[0] ?? 0
  t.equal(removeAll(opened, since + ATTACHMENT_GRACE_MS - 1), 0)
  t.ok(reading?.next().value, 'a second chunk')
  t.equal(removeAll(opened, since + ATTACHMENT_GRACE_MS), 2)
  t.same(counts(connection), [0, 0, 0])

  link(opened, 'other', upload(opened, 40))
  t.throws(
    () => reading?.next(),
    { name: 'CouchError', word: 'not_found' },
    'who reads on is never given bytes of another',
  )
  t.end()
})

t.test('a clock that was set back keeps nothing for ever', t => {
  const opened = openWriter(t)
  link(opened, 'doc', upload(opened, 1))
  comeLoose(opened)
  t.equal(removeAll(opened, Date.now() - 2 * ATTACHMENT_GRACE_MS), 1)
  t.end()
})

t.test('a full disk ends an upload, not those that come after it', t => {
  const opened = openWriter(t)
  const { connection, writer } = opened
  const { key } = upload(opened, 4)
  const pages = connection.row<[number]>('pragma page_count')?.[0] ?? 0
  connection.row(`pragma max_page_count = ${pages + 20}`)
  const data = randomBytes(4 * CHUNK_BYTES)
  const { answers } = writer.commit([{ request: 1, command: { kind: 'writeUpload', key, first: 4, data } }])
  t.match(answers, [{ ok: false, word: 'insufficient_storage' }])
  opened.run({ kind: 'closeUpload', key })
  t.equal(removeAll(opened, Date.now()), 1)
  t.same(counts(connection), [0, 0, 0])
  const { key: next } = upload(opened, 4)
  t.not(next, key)
  t.end()
})

t.test('uploads that a crash cut off are gone after the next start', async t => {
  const opened = openWriter(t)
  upload(opened, 100)
  link(opened, 'doc', upload(opened, 3))
  t.same(await checkFile(opened.file), [], 'loose chunks are no mistake')

  const store = await openStore({ file: opened.file })
  await eventually(() => String(counts(opened.connection)) === '0,3,1', 'they are removed')
  t.equal(databaseOf(store, 'a').facts().storedBytes, 3 * CHUNK_BYTES + 2)
  await store.close()
  t.same(await checkFile(opened.file), [])
})

/** As when the last body that names it is dropped. */
function comeLoose({ connection }: Opened): void {
  const named = { name: 'f', contentType: 'a/b', digest: 'md5-x', length: 0, revpos: 1 }
  removeRefs(connection, 1, [named], Date.now())
}
