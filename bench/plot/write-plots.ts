import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Result } from '../result/result.ts'
import { seriesTable } from '../series/series-table.ts'
import { drawSeries } from './draw-series.ts'

/** One picture for each series, named for it. */
export function writePlots(folder: string, { series, peer }: Result): void {
  mkdirSync(folder, { recursive: true })
  for (const result of series) {
    const described = seriesTable.find(({ key }) => key === result.key)
    if (described === undefined) continue
    writeFileSync(join(folder, `${result.key}.svg`), drawSeries(described, result, peer))
  }
}
