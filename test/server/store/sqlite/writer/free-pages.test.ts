import { statSync } from 'node:fs'
import t from 'tap'
import { openStore } from '../../../../../server/store/sqlite/open-store.ts'
import { freeSlice } from '../../../../../server/store/sqlite/writer/free-pages.ts'
import { openWriterConnection } from '../../../../../server/store/sqlite/writer/open-writer-connection.ts'
import { databaseOf, interactive } from '../../contract/subject.ts'
import { checkFile } from '../check-file.ts'

const MIB = 1024 * 1024

t.test('a store whose databases were deleted gives the disk back, in slices', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await openStore({ file, log: line => t.fail(line) })
  const body = JSON.stringify({ text: 'x'.repeat(100_000) })
  for (const name of ['gone', 'stays']) {
    await store.createDatabase(name)
    const count = name === 'gone' ? 300 : 20
    await databaseOf(store, name).write(
      Array.from({ length: count }, (_, n) => interactive(`${n}`, undefined, { body })),
    )
  }
  await store.close()
  t.ok(statSync(file).size > 30 * MIB)
  t.equal(await freeAll(file), 0, 'a file that is full is left alone')

  const again = await openStore({ file, log: line => t.fail(line) })
  await again.deleteDatabase('gone')
  await again.close()
  const once = await openWriterConnection(file)
  // What the store did not come to before it was closed.
  once.exec('delete from bodies where key < 2 << 32; delete from docs where db = 1')
  once.close()
  await freeAll(file)
  const size = statSync(file).size
  t.ok(size < 12 * MIB, `${size} bytes`)
  t.equal(await freeAll(file), 0, 'few free pages are left for the next writes')
  const last = await openStore({ file, log: line => t.fail(line) })
  t.equal(databaseOf(last, 'stays').docs({ limit: 100, withBodies: true }).length > 9, true)
  await last.close()
  t.same(await checkFile(file), [])
})

/** Frees as the writer does; how many slices that took. */
async function freeAll(file: string): Promise<number> {
  const connection = await openWriterConnection(file)
  let slices = 0
  for (let isFree = true; isFree; slices++) {
    const before = connection.row<[number]>('pragma freelist_count')?.[0] ?? 0
    connection.exec('begin')
    isFree = freeSlice(connection)
    connection.exec('commit')
    const after = connection.row<[number]>('pragma freelist_count')?.[0] ?? 0
    if (before - after > 100) throw new Error(`a slice freed ${before - after} pages`)
  }
  connection.exec('pragma wal_checkpoint(truncate)')
  connection.close()
  return slices - 1
}
