import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The version in the package.json beside the program or, for a built program, one folder above it. */
export function programVersion(program: string): string {
  const folder = dirname(program)
  const file = [folder, dirname(folder)]
    .map(candidate => join(candidate, 'package.json'))
    .find(candidate => existsSync(candidate))
  const content: { readonly version?: string } =
    file === undefined ? {} : JSON.parse(readFileSync(file, 'utf8'))
  return content.version ?? 'unknown'
}
