import { writeFileSync } from 'node:fs'
import { benchBridge } from './bench-bridge.ts'
import { benchServers, type ServersResult } from './bench-servers.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { writePlots } from './plot/write-plots.ts'
import { loadNow, machineNow } from './result/machine.ts'
import { printResult } from './result/print-result.ts'
import type { Result } from './result/result.ts'
import { rowTable } from './rows/row-table.ts'
import { seriesTable } from './series/series-table.ts'

const options = readOptions(process.argv.slice(2))
refuseUnknown(options)
const loadBefore = loadNow()
const servers = await serversResult(options)
const bridge = isWanted('bridge') ? await benchBridge(options.form === 'full') : []
const { form, repeats } = options
const when = new Date().toISOString()
const result: Result = { when, form, repeats, machine: machineNow(loadBefore), ...servers, bridge }
printResult(result)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, undefined, 1)}\n`)
if (options.plot !== undefined) writePlots(options.plot, result)

async function serversResult(options: Options): Promise<ServersResult> {
  const rows = rowTable.filter(row => isWanted('server', row.key))
  const series = seriesTable.filter(series => isWanted('scale', series.key))
  if (rows.length > 0 || series.length > 0) return await benchServers(options, { rows, series })
  return { peer: undefined, durability: undefined, rows: [], series: [] }
}

function isWanted(...names: readonly string[]): boolean {
  return options.only.length === 0 || names.some(name => options.only.includes(name))
}

function refuseUnknown({ only }: Options): void {
  const known = ['server', 'scale', 'bridge', ...[...rowTable, ...seriesTable].map(({ key }) => key)]
  const unknown = only.filter(name => !known.includes(name))
  if (unknown.length === 0) return
  console.error(`nothing is named ${unknown.join(', ')}; there are ${known.join(', ')}\n\n${USAGE}`)
  process.exit(1)
}
