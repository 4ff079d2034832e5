import type { Settings } from './settings.ts'

/** A store that is divided otherwise than the settings say does not start: said now, to the one who did it. */
export function warnOfShards(files: number, { shards }: Settings, warn: (line: string) => void): void {
  if (files === shards) return
  const what = files === 1 ? 'is one file' : `is divided over ${files} files`
  warn(`divan: this store ${what}: from now on start it with DIVAN_SHARDS=${files}`)
}
