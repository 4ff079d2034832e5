import t from 'tap'
import { openStore } from '../../../server/store/sqlite/open-store.ts'
import { attachmentsSuite } from './contract/attachments.ts'
import { changeTimesSuite } from './contract/change-times.ts'
import { compactionSuite } from './contract/compaction.ts'
import { concurrentWritesSuite } from './contract/concurrent-writes.ts'
import { databasesSuite } from './contract/databases.ts'
import { interactiveEditsSuite } from './contract/interactive-edits.ts'
import { localDocsSuite } from './contract/local-docs.ts'
import { ofTypeSuite } from './contract/of-type.ts'
import { purgeSuite } from './contract/purge.ts'
import { readsSuite } from './contract/reads.ts'
import { replicatedEditsSuite } from './contract/replicated-edits.ts'
import { replicationLogsSuite } from './contract/replication-logs.ts'
import { subjectOf } from './contract/subject.ts'
import { checkFile } from './sqlite/check-file.ts'

const file = `${t.testdir()}/store.db`
const store = await openStore({ file, log: line => t.fail(line) })
const subject = subjectOf(store)

await t.test('databases', t => databasesSuite(t, subject))
await t.test('interactive edits', t => interactiveEditsSuite(t, subject))
await t.test('replicated edits', t => replicatedEditsSuite(t, subject))
await t.test('reads', t => readsSuite(t, subject))
await t.test('one type', t => ofTypeSuite(t, subject))
await t.test('attachments', t => attachmentsSuite(t, subject))
await t.test('local docs', t => localDocsSuite(t, subject))
await t.test('replication logs', t => replicationLogsSuite(t, subject))
await t.test('times of changes', t => changeTimesSuite(t, subject))
await t.test('concurrent writes', t => concurrentWritesSuite(t, subject))

await t.test('compaction', t => compactionSuite(t, subject))
await t.test('purge', t => purgeSuite(t, subject))

await t.test('after all this the file agrees with itself', async t => {
  await store.close()
  t.same(await checkFile(file), [])
})
