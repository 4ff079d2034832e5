import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import type { Backup } from '../sqlite/backup-store.ts'
import { loadDriver, type OpenDatabase } from '../sqlite/driver.ts'
import type { Restore } from '../sqlite/restore-store.ts'
import { StoreError } from '../store-error.ts'
import { backupFiles } from './backup-files.ts'
import type { CopiedFacts } from './copied-facts.ts'
import { type Division, divideFiles } from './divide-files.ts'
import { type RestoredFiles, restoreFiles } from './restore-files.ts'

/** A copy from or to the store: minutes for a large one, so it has a thread of its own and the main one can hear a signal. */
export type CopyTask =
  | ({ readonly kind: 'backup' } & Backup)
  | ({ readonly kind: 'restore' } & Restore)
  | ({ readonly kind: 'division' } & Division)

/** How it ended. `line`: what the operator can put right. */
export type CopyOutcome =
  | { readonly ok: true; readonly result: CopiedFacts | RestoredFiles }
  | { readonly ok: false; readonly line: string }

function run(open: OpenDatabase, task: CopyTask): CopiedFacts | RestoredFiles {
  switch (task.kind) {
    case 'backup':
      return backupFiles(open, task)
    case 'restore':
      return restoreFiles(open, task)
    case 'division':
      return divideFiles(open, task)
  }
}

function outcomeOf(open: OpenDatabase, task: CopyTask): CopyOutcome {
  try {
    return { ok: true, result: run(open, task) }
  } catch (error) {
    if (error instanceof StoreError) return { ok: false, line: error.message }
    throw error
  }
}

assert(parentPort, 'a copy runs in a worker')
parentPort.postMessage(outcomeOf(await loadDriver(), workerData as CopyTask))
