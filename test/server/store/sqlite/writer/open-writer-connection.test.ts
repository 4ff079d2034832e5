import t from 'tap'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { prepareFile } from '../../../../../server/store/sqlite/prepare-file.ts'
import { openWriterConnection } from '../../../../../server/store/sqlite/writer/open-writer-connection.ts'

/** Of https://www.sqlite.org/pragma.html#pragma_synchronous: with 1 (normal) a log is synced only at checkpoints. */
const SYNCHRONOUS_FULL = 2

t.test('each commit is synced to disk: what was acknowledged outlives a power cut', async t => {
  const file = `${t.testdir()}/store.db`
  prepareFile(await loadDriver(), file)
  const connection = await openWriterConnection(file)
  t.teardown(() => connection.close())
  t.strictSame(connection.row('pragma synchronous'), [SYNCHRONOUS_FULL])
  t.strictSame(connection.row('pragma journal_mode'), ['wal'])
})
