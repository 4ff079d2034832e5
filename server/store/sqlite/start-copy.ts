import { existsSync, realpathSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { StoreError } from '../store-error.ts'
import { type Backup, removeBackupDraft } from './backup-store.ts'
import type { CopyOutcome, CopyTask } from './copy-worker.ts'
import { type Restore, type Restored, removeRestoreDraft } from './restore-store.ts'
import type { StoreFacts } from './store-facts.ts'

/** A copy under way. */
export type RunningCopy<Result> = {
  /** Fails with a `StoreError` of one line for what an operator can put right. */
  readonly done: Promise<Result>
  /** Removes what there is of it. For whoever ends the process right after: a statement of SQLite's cannot be stopped. */
  abandon(): void
}

/** Copies the store into a file. */
export function startBackup(backup: Backup): RunningCopy<StoreFacts> {
  return {
    done: run<StoreFacts>({ kind: 'backup', ...backup }),
    abandon: () => removeBackupDraft(backup.target),
  }
}

/** Puts a backup in the store's place. */
export function startRestore(restore: Restore): RunningCopy<Restored> {
  return {
    done: run<Restored>({ kind: 'restore', ...restore }),
    abandon: () => removeRestoreDraft(realOf(restore.file)),
  }
}

/** The draft lies beside the file itself. */
function realOf(file: string): string {
  return existsSync(file) ? realpathSync(file) : file
}

async function run<Result>(task: CopyTask): Promise<Result> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./copy-worker.${extension}`, import.meta.url), {
    workerData: task,
    name: task.kind,
  })
  const outcome = await new Promise<CopyOutcome>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', code => reject(new Error(`the thread of the ${task.kind} ended with code ${code}`)))
  })
  if (!outcome.ok) throw new StoreError(outcome.line)
  return outcome.result as Result
}
