import type { Durability } from '../servers/syncs.ts'
import type { Result } from './result.ts'

/** Whether the servers had on the disk what they acknowledged: a line for each. */
export function durabilityText(durability: Result['durability'], peerName: string | undefined): string[] {
  if (durability === undefined) return []
  const ours = lineOf('divan', durability.ours)
  return durability.peer === undefined ? [ours] : [ours, lineOf(peerName ?? 'peer', durability.peer)]
}

function lineOf(name: string, { isSynced, known }: Durability): string {
  const what = isSynced
    ? 'acknowledged writes are on the disk'
    : 'acknowledged writes are not on the disk yet'
  return `${name}: ${what} (${known})`
}
