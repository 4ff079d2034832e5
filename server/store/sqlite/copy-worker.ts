import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { StoreError } from '../store-error.ts'
import { type Backup, backupStore } from './backup-store.ts'
import { loadDriver, type OpenDatabase } from './driver.ts'
import { type Restore, type Restored, restoreStore } from './restore-store.ts'
import type { StoreFacts } from './store-facts.ts'

/** A copy from or to the store: minutes for a large one, so it has a thread of its own and the main one can hear a signal. */
export type CopyTask = ({ readonly kind: 'backup' } & Backup) | ({ readonly kind: 'restore' } & Restore)

/** How it ended. `line`: what the operator can put right. */
export type CopyOutcome =
  | { readonly ok: true; readonly result: StoreFacts | Restored }
  | { readonly ok: false; readonly line: string }

function run(open: OpenDatabase, task: CopyTask): CopyOutcome {
  try {
    return { ok: true, result: task.kind === 'backup' ? backupStore(open, task) : restoreStore(open, task) }
  } catch (error) {
    if (error instanceof StoreError) return { ok: false, line: error.message }
    throw error
  }
}

assert(parentPort, 'a copy runs in a worker')
parentPort.postMessage(run(await loadDriver(), workerData as CopyTask))
