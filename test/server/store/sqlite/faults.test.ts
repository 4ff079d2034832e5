import { copyFileSync, statSync, truncateSync } from 'node:fs'
import t, { type Test } from 'tap'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { prepareFile } from '../../../../server/store/sqlite/prepare-file.ts'
import { openWriterConnection } from '../../../../server/store/sqlite/writer/open-writer-connection.ts'
import { type CommandRequest, Writer } from '../../../../server/store/sqlite/writer/writer.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { interactive } from '../contract/subject.ts'
import { checkFile } from './check-file.ts'

const PAGE_BYTES = 8192
const ROUNDS = rounds(20, 500)
const open = await loadDriver()

/** A store's file with some hundred documents in as many commits, and its connection, which holds the log's last part. */
async function writtenFile(t: Test, docs: number): Promise<{ file: string; connection: Connection }> {
  const file = `${t.testdir()}/store.db`
  prepareFile(open, file)
  const connection = await openWriterConnection(file)
  t.teardown(() => connection.close())
  const writer = new Writer(connection, line => t.fail(line))
  writer.commit([{ request: 0, command: { kind: 'createDatabase', name: 'a' } }])
  for (let n = 0; n < docs; n++) {
    const data = Buffer.alloc(n * 30, 'x')
    const edit = interactive(`doc${n}`, undefined, { attachments: [{ name: 'x', contentType: 'a/b', data }] })
    const write: CommandRequest = { request: n, command: { kind: 'write', db: 1, edits: [edit] } }
    writer.commit([write])
  }
  return { file, connection }
}

t.test('a file that was cut off is refused with one line, and stays as it is', async t => {
  const random = seededRandom(t)
  const { file, connection } = await writtenFile(t, 200)
  connection.exec('pragma wal_checkpoint(truncate)')
  const pages = statSync(file).size / PAGE_BYTES
  const copy = `${file}-copy`
  for (let round = 0; round < ROUNDS; round++) {
    copyFileSync(file, copy)
    const kept = (1 + random.below(pages - 1)) * PAGE_BYTES - random.below(2) * random.below(PAGE_BYTES - 1)
    truncateSync(copy, kept)
    await t.rejects(
      openStore({ file: copy }),
      { name: 'StoreError', message: /^\S+ cannot be opened: [^\n]+$/ },
      `${kept} bytes of ${pages * PAGE_BYTES}`,
    )
    t.equal(statSync(copy).size, kept)
  }
})

t.test('a log that was cut off anywhere leads back to a whole commit', async t => {
  const random = seededRandom(t)
  const { file } = await writtenFile(t, 200)
  const length = statSync(`${file}-wal`).size
  let least = 200
  for (let round = 0; round < ROUNDS; round++) {
    // A connection whose statements still wait for the garbage collector has its file open: each round has files of its own.
    const copy = `${file}-${round}`
    copyFileSync(file, copy)
    copyFileSync(`${file}-wal`, `${copy}-wal`)
    truncateSync(`${copy}-wal`, length - random.below(length >> 1))
    t.same(await checkFile(copy), [])
    const connection = new Connection(open, copy)
    const [docs, last] = connection.row<[number, number]>('select count(*), max(seq) from docs') ?? [0, 0]
    t.equal(docs, last, 'all commits up to one, and none after it')
    least = Math.min(least, docs)
    connection.close()
  }
  t.ok(least < 200, 'some were cut off')
})
