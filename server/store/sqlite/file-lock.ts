import { StoreError } from '../store-error.ts'
import { Connection } from './connection.ts'
import type { OpenDatabase } from './driver.ts'
import { resultCode, SQLITE_BUSY } from './result-code.ts'

/**
 * Keeps a second server off the same file: two writers would each issue sequence numbers of their own. The lock is
 * SQLite's on an empty file beside the store, held by a transaction that never writes. The operating system gives it
 * back however the process ends, so no lock is ever stale.
 */
export function lockFile(open: OpenDatabase, file: string): { release(): void } {
  const lock = new Connection(open, `${file}.lock`)
  try {
    lock.exec('begin exclusive')
  } catch (cause) {
    lock.close()
    if (resultCode(cause) !== SQLITE_BUSY) throw cause
    throw new StoreError(`${file} is already open in another process`, { cause })
  }
  return { release: () => lock.close() }
}
