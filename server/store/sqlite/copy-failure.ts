import { StoreError } from '../store-error.ts'
import { resultCode, SQLITE_FULL } from './result-code.ts'

/** What went wrong with a copy of the store, in one line. A line that is clear already stays, and a bug stays a bug. */
export function copyFailure(what: string, cause: unknown): unknown {
  if (cause instanceof StoreError || !(cause instanceof Error)) return cause
  if (isFull(cause)) return new StoreError(`${what}: the disk is full`, { cause })
  const isOfSystem = 'code' in cause || resultCode(cause) !== undefined
  return isOfSystem ? new StoreError(`${what}: ${cause.message}`, { cause }) : cause
}

function isFull(cause: Error): boolean {
  return resultCode(cause) === SQLITE_FULL || ('code' in cause && cause.code === 'ENOSPC')
}
