import { rmSync } from 'node:fs'
import type { DataFolder } from './data-folder.ts'
import { readJsonFile, writeJsonFile } from './json-file.ts'

/**
 * What runs on a data folder at the moment, for `demo`, `dead-letters` and `status` beside it. A killed process leaves
 * it behind, so it says where to look, never that something is there.
 */
export type Running = {
  readonly pid: number
  readonly serverUrl: string
  /** With the credentials of the bridge. Undefined where no bridge runs. */
  readonly bridgeServerUrl?: string | undefined
  /** With the password. Undefined where no bridge runs. */
  readonly databaseUrl?: string | undefined
  /** Where the bridge answers `/health` and `/metrics`. Undefined where it does not. */
  readonly bridgeUrl?: string | undefined
}

/** What was last written down and not taken back; undefined where that is nothing or cannot be read. */
export function readRunning(folder: DataFolder): Running | undefined {
  try {
    const { pid, serverUrl, bridgeServerUrl, databaseUrl, bridgeUrl } = readJsonFile(folder.running) ?? {}
    if (typeof pid !== 'number' || typeof serverUrl !== 'string') return undefined
    return {
      pid,
      serverUrl,
      bridgeServerUrl: textOf(bridgeServerUrl),
      databaseUrl: textOf(databaseUrl),
      bridgeUrl: textOf(bridgeUrl),
    }
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Notes what runs. The file holds passwords, so only this user may read it. */
export function writeRunning(folder: DataFolder, running: Running): void {
  writeJsonFile(folder.running, running)
}

/** Takes the note back. */
export function forgetRunning(folder: DataFolder): void {
  rmSync(folder.running, { force: true })
}
