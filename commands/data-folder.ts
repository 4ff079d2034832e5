import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, OperatorError } from './operator-error.ts'

/** Where things lie in the data folder; README.md beside this file says what each is. */
export type DataFolder = {
  readonly path: string
  readonly store: string
  readonly postgres: string
  readonly secrets: string
  readonly running: string
}

/** The places in a data folder, which need not exist. */
export function dataFolderAt(path: string): DataFolder {
  return {
    path,
    store: join(path, 'store'),
    postgres: join(path, 'postgres'),
    secrets: join(path, 'secrets.json'),
    running: join(path, 'running.json'),
  }
}

/**
 * Makes what is missing and checks that this user may use it. The folder itself is open to all, because
 * an embedded Postgres under another user must reach its own part; what is secret in it is closed.
 */
export function openDataFolder(path: string): DataFolder {
  const folder = dataFolderAt(path)
  try {
    mkdirSync(folder.path, { recursive: true })
    if (!statSync(folder.path).isDirectory()) throw new Error('it is not a folder')
    accessSync(folder.path, constants.R_OK | constants.W_OK | constants.X_OK)
    mkdirSync(folder.store, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw unusable(folder, cause)
  }
  return folder
}

/** The line for a data folder, or a file in it, that this user cannot read or write. */
export function unusable(folder: DataFolder, cause: unknown): OperatorError {
  const line = `the data folder ${folder.path} cannot be used: ${messageOf(cause)}; set DIVAN_DATA to a folder this user may write`
  return new OperatorError(line, { cause })
}
