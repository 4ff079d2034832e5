import { readFileSync } from 'node:fs'
import type { Result } from './result.ts'

/** What `--json` left. JSON has no NaN: what was not to be had is null there. */
export function readResult(file: string): Result {
  return JSON.parse(readFileSync(file, 'utf8'), (_key, value) => (value === null ? Number.NaN : value))
}
