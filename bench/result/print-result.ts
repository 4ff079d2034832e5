import { tableOf } from '../measured.ts'
import { clientText } from './client-text.ts'
import { durabilityText } from './durability-text.ts'
import type { Result } from './result.ts'
import { aligned, remarksOf, serverTable } from './server-table.ts'

/** What a run found, for a terminal. The series were told while they ran. */
export function printResult({ rows, peer, durability, bridge }: Result): void {
  if (rows.length > 0) console.log(aligned(serverTable(rows, peer)))
  for (const comparison of rows) {
    const remarks = remarksOf(comparison)
    if (remarks !== '') console.log(`${comparison.row.key}: ${remarks}`)
  }
  for (const line of [...durabilityText(durability, peer), ...clientText(rows)]) console.log(line)
  if (bridge.length > 0) console.log(tableOf(bridge))
}
