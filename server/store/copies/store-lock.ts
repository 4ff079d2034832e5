import type { OpenDatabase } from '../sqlite/driver.ts'
import { lockFile } from '../sqlite/file-lock.ts'
import { realFile } from '../sqlite/real-file.ts'

/** Keeps every server off these files while `work` is done to them. */
export function withLocks<Result>(open: OpenDatabase, files: readonly string[], work: () => Result): Result {
  const locks: { release(): void }[] = []
  try {
    for (const file of new Set(files.map(realFile))) locks.push(lockFile(open, file))
    return work()
  } finally {
    for (const lock of locks) lock.release()
  }
}
