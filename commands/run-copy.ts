import type { RunningCopy } from '../server/backup.ts'
import type { DataFolder } from './data-folder.ts'
import { dieAtSignal } from './stop-signal.ts'
import { storeFailure } from './store-failure.ts'

/** What a copy gave, and how long it took. */
export type Timed<Result> = { readonly result: Result; readonly seconds: string }

/** Waits for a copy from or to the store; a signal meanwhile leaves nothing of it behind. */
export async function runCopy<Result>(copy: RunningCopy<Result>, folder: DataFolder): Promise<Timed<Result>> {
  const startedAt = performance.now()
  const release = dieAtSignal(() => copy.abandon())
  try {
    const result = await copy.done
    return { result, seconds: ((performance.now() - startedAt) / 1000).toFixed(1) }
  } catch (error) {
    throw storeFailure(error, folder)
  } finally {
    release()
  }
}
