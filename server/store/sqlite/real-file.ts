import { readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/**
 * The path of a file without symbolic links, also of one that is not there yet. What lies beside the store (its lock, its logs, a mark) is
 * named after it: with two names of one file there would be two locks, and two servers would write it.
 */
export function realFile(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    if (!isOf(error, 'ENOENT')) throw error
  }
  const folder = realpathSync(dirname(file))
  const link = linkedFrom(file)
  return link === undefined ? join(folder, basename(file)) : realFile(resolve(folder, link))
}

/** Where a link leads to whose file is not there; undefined: there is no link either. */
function linkedFrom(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch (error) {
    if (!isOf(error, 'ENOENT')) throw error
    return undefined
  }
}

function isOf(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
