import { benchBridge } from './bench-bridge.ts'
import { benchServers } from './bench-servers.ts'
import { tableOf } from './measured.ts'
import { readOptions, USAGE } from './options.ts'
import { rowTable } from './rows/row-table.ts'
import { aligned, remarksOf, serverTable } from './server-table.ts'

const options = readOptions(process.argv.slice(2))
const isWanted = (...names: readonly string[]) =>
  options.only.length === 0 || names.some(name => options.only.includes(name))

const known = ['server', 'bridge', ...rowTable.map(row => row.key)]
const unknown = options.only.filter(name => !known.includes(name))
if (unknown.length > 0) {
  console.error(`nothing is named ${unknown.join(', ')}; there are ${known.join(', ')}\n\n${USAGE}`)
  process.exit(1)
}

const rows = rowTable.filter(row => isWanted('server', row.key))
if (rows.length > 0) {
  const comparisons = await benchServers({ ...options, rows })
  console.log(aligned(serverTable(comparisons, options.peer)))
  for (const comparison of comparisons) {
    const remarks = remarksOf(comparison)
    if (remarks !== '') console.log(`${comparison.row.key}: ${remarks}`)
  }
}
if (isWanted('bridge')) console.log(tableOf(await benchBridge(options.full)))
