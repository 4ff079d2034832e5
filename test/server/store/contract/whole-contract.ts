import type { Test } from 'tap'
import { attachmentsSuite } from './attachments.ts'
import { changeTimesSuite } from './change-times.ts'
import { compactionSuite } from './compaction.ts'
import { concurrentWritesSuite } from './concurrent-writes.ts'
import { databasesSuite } from './databases.ts'
import { interactiveEditsSuite } from './interactive-edits.ts'
import { localDocsSuite } from './local-docs.ts'
import { ofTypeSuite } from './of-type.ts'
import { purgeSuite } from './purge.ts'
import { readsSuite } from './reads.ts'
import { replicatedEditsSuite } from './replicated-edits.ts'
import { replicationLogsSuite } from './replication-logs.ts'
import type { Subject } from './subject.ts'

/** All that the contract of a store says, run against one. */
export async function wholeContract(t: Test, subject: Subject): Promise<void> {
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
}
