import { Worker } from 'node:worker_threads'
import { realFirst } from '../sharded/files-of.ts'
import type { Backup } from '../sqlite/backup-store.ts'
import type { Restore } from '../sqlite/restore-store.ts'
import { StoreError } from '../store-error.ts'
import { removeFilesDraft } from './backup-files.ts'
import type { CopiedFacts } from './copied-facts.ts'
import type { CopyOutcome, CopyTask } from './copy-worker.ts'
import type { Division } from './divide-files.ts'
import type { RestoredFiles } from './restore-files.ts'
import { removeDrafts } from './swap-files.ts'

/** A copy under way. */
export type RunningCopy<Result> = {
  /** Fails with a `StoreError` of one line for what an operator can put right. */
  readonly done: Promise<Result>
  /** Removes what there is of it. For whoever ends the process right after: a statement of SQLite's cannot be stopped. */
  abandon(): void
}

/** Copies the store into a file, or a folder if it has several. */
export function startBackup(backup: Backup): RunningCopy<CopiedFacts> {
  return {
    done: run<CopiedFacts>({ kind: 'backup', ...backup }),
    abandon: () => removeFilesDraft(backup.target),
  }
}

/** Puts a backup in the store's place. */
export function startRestore(restore: Restore): RunningCopy<RestoredFiles> {
  return {
    done: run<RestoredFiles>({ kind: 'restore', ...restore }),
    abandon: () => removeDrafts(realFirst(restore.file)),
  }
}

/** Divides the store over another number of files. */
export function startDivision(division: Division): RunningCopy<RestoredFiles> {
  return {
    done: run<RestoredFiles>({ kind: 'division', ...division }),
    abandon: () => removeDrafts(realFirst(division.file)),
  }
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
